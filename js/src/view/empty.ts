import type { Context } from "../context";
import { h, type Scope } from "../dom";
import { fullIou } from "./card";

/** Says why nothing is shown and offers the ways out. */
export function empty({ state }: Context, scope: Scope): HTMLElement {
  const element = h("div", { class: "empty" });
  scope.effect(() => {
    const nothing = state.sides.value ? !state.pairs.value.length : !state.shown.value.length;
    element.hidden = !nothing;
    if (!nothing) return;
    const table = state.table.value;
    const action = (text: string, run: () => void) => h("button", { type: "button", onclick: run }, text);
    let highest = 0;
    for (const iou of table.best_iou) highest = Math.max(highest, iou);
    const reason = state.query.value.trim()
      ? h("strong", {}, "No unit is about ", h("bdi", {}, `“${state.query.value.trim()}”`), " here.")
      : state.filtered
        ? h("strong", {}, "No unit matches these filters.")
        : h(
            "strong",
            {},
            !table.units
              ? "This result has no units."
              : state.only.value === "detectors"
                ? "No unit passes the cut."
                : "There is no such unit.",
          );
    const lower = Math.floor(highest * 200) / 200;
    element.replaceChildren(
      reason,
      h(
        "p",
        {},
        state.filtered
          ? "A word is looked for in the unit's concept, its category and its number."
          : `The highest IoU of this layer is ${highest.toFixed(3)}.`,
      ),
      h(
        "div",
        {},
        state.filtered ? action("Clear filters", () => state.clearFilters()) : null,
        state.only.value !== "all" && table.units && !state.sides.value
          ? action("Search all units", () => (state.only.value = "all"))
          : null,
        !state.filtered && highest > 0 && lower < state.cut.value && lower < fullIou(table)
          ? action(`Lower the cut to ${lower}`, () => (state.cut.value = lower))
          : null,
      ),
    );
  });
  return element;
}
