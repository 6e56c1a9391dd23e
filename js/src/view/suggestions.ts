import type { Context } from "../context";
import { foundUnits } from "../data/filter";
import { findsConcept, lastAlternative, searchOf } from "../data/search";
import { categoryOf, conceptKey, type Table } from "../data/table";
import { glyph, h, number, plural, runsCell, set } from "../dom";
import { kindOf } from "../draw/colors";
import type { Scope } from "../scope";
import type { State } from "../state/state";
import { conceptLabel } from "./concept";

const MOST = 8;
let lists = 0;

interface Suggestion {
  table: Table;
  concept: number;
  units: number;
}

/** The concepts that the search field may be about: a list below it, moved through with the arrow keys. */
export function suggestions(context: Context, field: HTMLInputElement, scope: Scope): HTMLElement {
  const { state } = context;
  const id = `suggestions-${lists++}`;
  const list = h("div.suggestions", { role: "listbox", id, "aria-label": "Concepts", hidden: true });
  let shown: Suggestion[] = [];
  let active = -1;

  const activate = (at: number) => {
    active = at;
    for (const [place, each] of [...list.children].entries()) set(each, { "aria-selected": place === at });
    if (at < 0) field.removeAttribute("aria-activedescendant");
    else set(field, { "aria-activedescendant": `${id}-${at}` });
  };
  const hide = () => {
    list.hidden = true;
    activate(-1);
  };
  const choose = (at: number) => {
    state.synced.query.value = completed(field.value, shown[at]);
    hide();
  };
  const show = () => {
    shown = suggestionsFor(state, field.value);
    const options = shown.map((one, at) => option(one, state, () => choose(at)));
    for (const [at, element] of options.entries()) set(element, { id: `${id}-${at}` });
    list.replaceChildren(...options);
    list.hidden = !shown.length;
    activate(-1);
    if (shown.length) context.announce(`${plural(shown.length, "suggestion")}: arrow down`);
  };
  const keys = (event: KeyboardEvent): (() => void) | undefined => {
    const open = !list.hidden;
    const to = (at: number) => activate(((at % shown.length) + shown.length) % shown.length);
    if (event.key === "ArrowDown") return () => (open ? to(active + 1) : show());
    if (event.key === "ArrowUp" && open) return () => to(active < 0 ? -1 : active - 1);
    if (event.key === "Enter" && open) return () => (active < 0 ? hide() : choose(active));
    if (event.key === "Escape" && open) return hide;
    return undefined;
  };
  set(field, {
    "aria-autocomplete": "list",
    "aria-controls": id,
    oninput: show,
    onblur: hide,
    onkeydown: (event: KeyboardEvent) => {
      const action = keys(event);
      if (!action || runsCell(event)) return;
      event.preventDefault();
      event.stopImmediatePropagation(); // Escape closes the list first, and empties the field next
      action();
    },
  });
  scope.onCleanup(hide);
  return list;
}

function option({ table, concept, units }: Suggestion, state: State, choose: () => void): HTMLElement {
  const category = categoryOf(table, concept);
  const categories = state.visibleTables.value.flatMap((each) => each.categories);
  return h(
    "div.suggestion",
    // Before the field loses the focus, and the list hides.
    {
      role: "option",
      onpointerdown: (event: Event) => {
        event.preventDefault();
        choose();
      },
    },
    glyph(kindOf(category, categories)),
    conceptLabel(table, concept),
    h("span.kind", category),
    h("span.count", number(units)),
  );
}

/** The concepts that what is typed now may be about, those of most units first. */
function suggestionsFor(state: State, query: string): Suggestion[] {
  const typed = query.slice(lastAlternative(query));
  const search = searchOf(typed);
  const found = new Map<string, Suggestion>();
  for (const table of state.visibleTables.value) {
    const { cut, only } = state.synced;
    const filter = { query: "", min_iou: cut.value, only: only.value, chosen: null };
    for (const unit of foundUnits(table, filter)) {
      const concept = table.best[unit];
      if (concept < 0) continue;
      const key = conceptKey(table, concept);
      const one = found.get(key) ?? { table, concept, units: 0 };
      one.units++;
      found.set(key, one);
    }
  }
  return [...found.values()]
    .filter(
      ({ table, concept }) =>
        quoted(table.fullNames[concept]) !== typed.trim() &&
        findsConcept(search, table.fullNames[concept], categoryOf(table, concept)),
    )
    .sort((a, b) => b.units - a.units || a.concept - b.concept)
    .slice(0, MOST);
}

/** What is typed, with a concept in the place of its last alternative. */
function completed(query: string, { table, concept }: Suggestion): string {
  const before = query.slice(0, lastAlternative(query));
  return `${before}${before && !/\s$/.test(before) ? " " : ""}${quoted(table.fullNames[concept])}`;
}

/** A name that is meant exactly so; one that has quotes in it can't be put into quotes. */
const quoted = (name: string): string => (/["“”„]/.test(name) ? name.replaceAll(",", " ") : `"${name}"`);
