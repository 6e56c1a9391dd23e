import type { Context } from "../context";
import { h } from "../dom";
import type { Scope } from "../scope";

/** The field for words and numbers, with room below it for what could be meant. */
export function search({ state }: Context, scope: Scope): HTMLElement {
  const { query } = state.synced;
  const field = h("input.search", {
    type: "search",
    placeholder: "Search",
    title: "A concept, a category or the number of a unit",
    "aria-label": "Search units by concept, category or number",
    spellcheck: "false",
    autocomplete: "off",
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
  return h("div.finder", field);
}
