import type { Context } from "../context";
import { focusSearch, h, number } from "../dom";
import type { Scope } from "../scope";

/** What can be done with the selected units: in view at the bottom while there are any. */
export function selectionBar({ state }: Context, scope: Scope): HTMLElement {
  const { selected } = state.synced;
  const text = h("span.selected");
  const clear: HTMLElement = h(
    "button.quiet",
    {
      "aria-label": "Clear selection",
      onclick: () => {
        focusSearch(clear); // the bar vanishes
        selected.value = [];
      },
    },
    "Clear",
  );
  const element = h(
    "div.selection",
    { role: "group", "aria-label": "Selection" },
    text,
    h("span.space"),
    clear,
  );
  scope.effect(() => {
    const count = selected.value.length;
    text.textContent = `${number(count)} selected`;
    element.hidden = !count;
  });
  return element;
}
