import type { Context } from "../context";
import { h, number, set } from "../dom";
import type { Scope } from "../scope";
import type { Change } from "../state/gallery-state";

/** What became of a concept from left to right: its sign and what it means. */
export const CHANGES: Record<Change, [sign: string, meaning: string]> = {
  gained: ["+", "Detected only on the right"],
  lost: ["−", "Detected only on the left"],
  kept: ["=", "Detected on both sides"],
};

/** In a comparison: a button each for the concepts that were gained, lost and kept, with their number. */
export function changes({ state }: Context, scope: Scope): HTMLElement {
  const buttons = (Object.keys(CHANGES) as Change[]).map((change) => {
    const [sign, meaning] = CHANGES[change];
    const count = h("span.count");
    const button = h(
      "button.chip",
      { "data-change": change, title: meaning, onclick: () => state.toggleChange(change) },
      h("i.sign", { "aria-hidden": "true" }, sign),
      h("span.name", change),
      " ",
      count,
    );
    scope.effect(() => {
      count.textContent = number(state.changes.value[change]);
      set(button, { "aria-pressed": state.synced.change.value.includes(change) });
    });
    return button;
  });
  const element = h("div.changes", { role: "group", "aria-label": "From left to right" }, ...buttons);
  scope.effect(() => {
    element.hidden = !state.sides.value;
  });
  return element;
}
