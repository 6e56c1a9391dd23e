import type { Context } from "../context";
import { h } from "../dom";
import type { Scope } from "../scope";
import { chips } from "./chips";
import { cutSlider } from "./cut-slider";

/** What is looked for: words, categories, the cut. */
export function controls(context: Context, scope: Scope): HTMLElement {
  return h("div.controls", search(context, scope), chips(context, scope), cutSlider(context, scope));
}

function search({ state }: Context, scope: Scope): HTMLElement {
  const { query } = state.synced;
  const field = h("input.search", {
    type: "search",
    placeholder: "Concept or unit number",
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
  return field;
}
