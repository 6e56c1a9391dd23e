import type { Context } from "../context";
import { h, set } from "../dom";
import type { Scope } from "../scope";
import { suggestions } from "./suggestions";

const HELP =
  "Words of a concept, a category, a unit's number or address. A comma means or; quotes mean exactly so.";

/** What is looked for: words, with the concepts that they may be about. */
export function search(context: Context, scope: Scope): HTMLElement {
  const { query } = context.state.synced;
  const field = h("input.search", {
    type: "search",
    placeholder: "Search",
    "aria-label": "Search units by concept, category or number",
    title: HELP,
    spellcheck: "false",
    autocomplete: "off",
  });
  const list = suggestions(context, field, scope); // which has the first say on keys
  set(field, {
    oninput: () => (query.value = field.value),
    onkeydown: (event: KeyboardEvent) => {
      if (event.key !== "Escape" || !field.value) return;
      event.preventDefault();
      query.value = "";
    },
  });
  scope.effect(() => {
    if (field.value !== query.value) field.value = query.value;
  });
  return h("div.finder", field, list);
}
