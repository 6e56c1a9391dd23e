import type { Context } from "../context";
import { shortName } from "../data/names";
import { focusSearch, h, number, plural } from "../dom";
import type { Scope } from "../scope";
import type { State } from "../state/state";

/** How many units are shown, and by which concept. */
export function counts({ state }: Context, scope: Scope): HTMLElement {
  const status = h("span.total", { role: "status" });
  const filter = h("span.filter");
  const guest = h("span.guest", { role: "note" });
  const hide = vanishingButton("Hide it", () => (state.synced.opened.value = ""));
  const clear = vanishingButton("Clear filters", () => state.clearFilters());
  scope.effect(() => {
    status.textContent = totalOf(state);
    filter.textContent = conceptOf(state.filteredConcept.value);
    filter.hidden = !filter.textContent;
    clear.hidden = !state.isFiltered;
    guest.hidden = hide.hidden = state.guest.value === null || !!state.sides.value;
    guest.textContent = `and ${state.synced.opened.value}, which the filters hide`;
  });
  return h("div.counts", status, filter, guest, hide, clear);
}

const totalOf = (state: State): string =>
  state.sides.value
    ? `${plural(state.pairs.value.length, "concept")}, best unit of each`
    : `${number(state.shown.value.length - (state.guest.value === null ? 0 : 1))} of ${plural(state.table.value.units, "unit")}`;

/** The name in a concept's key, as it is shown beside its category. */
function conceptOf(key: string | null): string {
  const [, category, name] = key?.match(/^(.*?)\|(.*)$/s) ?? ["", "", ""];
  return shortName(name, category);
}

/** A button that is hidden by what it does: the focus goes to the search before it would get lost. */
function vanishingButton(text: string, action: () => void): HTMLElement {
  const button: HTMLElement = h(
    "button.quiet",
    {
      onclick: () => {
        focusSearch(button);
        action();
      },
    },
    text,
  );
  return button;
}
