import { type SharedBar, sharedAxis } from "../data/comparison";
import type { Counts } from "../data/counts";
import type { Table } from "../data/table";
import { colored, h, label, named, number, plural, set } from "../dom";
import { kindOf } from "../draw/colors";
import { barName, barsOf, type Drawing, option } from "./graph-parts";

/** Pixels for the names of the results beside their bars; as in the style sheet. */
const NAMES = 128;

/**
 * The graphs of several results on one axis of concepts: two back to back, more one below the other.
 * A click on a bar filters by its concept, one on a name shows that result alone.
 */
export function comparedGraph(drawing: Drawing, tables: Table[], counts: Counts[]): HTMLElement {
  const bars = barsOf(
    { ...drawing, room: drawing.room - NAMES },
    `Concepts of ${tables.map(({ key }) => key).join(", ")} by number of units`,
    sharedAxis(counts).map(({ category, bars }) => ({
      category,
      bars,
      said: plural(bars.length, "concept"),
      draw: (bar: SharedBar) => columnOf(drawing, tables, category, bar),
    })),
  );
  const names = tables.map((table, at) => nameOf(drawing, table, counts[at]));
  const element = h(
    "div.compared",
    { class: tables.length > 2 ? "compared multiples" : "compared paired" },
    h("div.g-sides", ...names),
    bars,
  );
  element.style.setProperty("--results", String(tables.length));
  return element;
}

/** Whose bars these are; its figures, where the line above the graph doesn't say them. */
function nameOf({ state }: Drawing, table: Table, { detectors, unique }: Counts): HTMLElement {
  const figures = `${plural(detectors, "unit")}, ${plural(unique, "concept")}`;
  const name = { title: `Show ${table.key} alone`, onclick: () => state.showAlone(table.key) };
  if (state.sides.value) return h("button.plain", name, label(table.key));
  return h(
    "button.plain",
    { ...name, ...(table === state.table.value && { "aria-current": "true" }) },
    label(table.key),
    h("span.hint", { title: figures, "aria-label": figures }, `${number(detectors)} · ${number(unique)}`),
  );
}

/** All bars of one concept: read as "car 12 in trained, 3 in untrained". */
function columnOf(drawing: Drawing, tables: Table[], category: string, bar: SharedBar): HTMLElement {
  const kind = kindOf(category, drawing.categories);
  const said = `${named(bar.name)}: ${tables.map(({ key }, at) => `${number(bar.units[at])} in ${key}`).join(", ")}`;
  const columns = bar.units.map((units, at) => {
    const column = colored(kind, units ? "column" : "");
    column.style.setProperty("--share", String(units / drawing.largest));
    const count = units ? [String(units), h("span.aside", ` in ${tables[at].key}, `)] : [];
    return h("span.g-column", { "data-at": at }, h("span.g-count", ...count), column);
  });
  const element = option({
    key: bar.key,
    category,
    title: said,
    choose: (event) => drawing.state.toggleConcept(...placeOf(drawing, tables, bar, event)),
    parts: [barName(bar.name), ...columns],
  });
  const change = !bar.units[0] ? "gained" : bar.units[1] ? "kept" : "lost";
  if (tables.length === 2) set(element, { "data-change": change });
  return element;
}

/** Which result, and which of its columns, a bar stands for: the one that was clicked, or is shown, or has most units. */
function placeOf(
  { state }: Drawing,
  tables: Table[],
  { units, columns }: SharedBar,
  event: Event,
): [table: Table, column: number] {
  const clicked = Number((event.target as Element).closest<HTMLElement>("[data-at]")?.dataset.at ?? -1);
  const at = [clicked, tables.indexOf(state.table.peek()), units.indexOf(Math.max(...units))].find(
    (place) => units[place] > 0,
  ) as number;
  return [tables[at], columns[at] as number];
}
