import type { Context } from "../context";
import { highest } from "../data/table";
import { focusSearch, h } from "../dom";
import type { Scope } from "../scope";

/** Says why nothing is shown and offers the ways out. */
export function empty({ state }: Context, scope: Scope): HTMLElement {
  const element = h("div.empty");
  scope.effect(() => {
    const nothing = state.sides.value ? !state.pairs.value.length : !state.shown.value.length;
    element.hidden = !nothing;
    if (!nothing) return;
    const tables = state.visibleTables.value;
    const action = (text: string, run: () => void) =>
      h(
        "button",
        {
          onclick: () => {
            run();
            focusSearch(element);
          },
        },
        text,
      );
    const most = Math.max(...tables.map(highest));
    const units = tables.some((table) => table.units);
    const query = state.synced.query.value.trim();
    const reason = state.isFiltered
      ? "No unit matches these filters."
      : !units
        ? "This result has no units."
        : state.synced.only.value === "detectors"
          ? "No unit passes the cut."
          : "There is no such unit.";
    const lower = Math.floor(most * 200) / 200;
    element.replaceChildren(
      h("strong", ...(query ? ["No unit is about ", h("bdi", `“${query}”`), " here."] : [reason])),
      h(
        "p",
        state.isFiltered
          ? "Words are looked for in concept, category and number."
          : `The highest IoU here is ${most.toFixed(3)}.`,
      ),
      h(
        "div",
        state.isFiltered ? action("Clear filters", () => state.clearFilters()) : null,
        state.synced.only.value !== "all" && units && !state.sides.value
          ? action("Search all units", () => (state.synced.only.value = "all"))
          : null,
        !state.isFiltered && most > 0 && lower < state.synced.cut.value
          ? action(`Lower the cut to ${lower}`, () => (state.synced.cut.value = lower))
          : null,
      ),
    );
  });
  return element;
}
