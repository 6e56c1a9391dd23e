import { type Signal, signal } from "@preact/signals-core";
import type { Context } from "../context";
import { type Bar, type Counts, countAt } from "../data/counts";
import { highest, type Table } from "../data/table";
import { colored, focused, focusOn, h, plural, set } from "../dom";
import { kindOf } from "../draw/colors";
import type { Scope } from "../scope";
import type { State } from "../state/state";
import { comparedGraph } from "./compared-graph";
import { barName, barsOf, type Drawing, option, optionsIn } from "./graph-parts";
import { decimals } from "./iou";

/** The paper's bar graph: concepts by category with their numbers of detectors. A click filters. */
export function graphs({ state }: Context, scope: Scope): HTMLElement {
  const element = h("div.graphs");
  const width = widthOf(element, scope);
  const expanded = signal<string[]>([]);
  scope.effect(() => {
    const tables = state.compared.value ?? [state.table.value];
    const counts = tables.map((table) => countAt(table, state.synced.cut.value));
    const drawing: Drawing = {
      state,
      categories: [...new Set(tables.flatMap((table) => table.categories))],
      largest: Math.max(...counts.map((one) => one.largest)),
      // On paper, or before its width is known, nothing is left out.
      room: (!state.local.printing.value && width.value) || Number.POSITIVE_INFINITY,
      expanded,
    };
    const drawn = counts.every((one) => !one.detectors)
      ? nothing(tables)
      : tables.length > 1
        ? comparedGraph(drawing, tables, counts)
        : graph(drawing, tables[0], counts[0]);
    replaceGraph(element, drawn);
    markChosen(element, state);
  });
  scope.effect(() => markChosen(element, state));
  scope.effect(() => {
    element.hidden = !state.local.chart.value;
  });
  return element;
}

function widthOf(element: HTMLElement, scope: Scope): Signal<number> {
  const width = signal(0);
  const sizes = new ResizeObserver(() => {
    width.value = element.clientWidth || width.value;
  });
  sizes.observe(element);
  scope.onCleanup(() => sizes.disconnect());
  return width;
}

/** Puts a new graph in the place of the old one: scrolled as it was, with the focus where it was. */
function replaceGraph(element: HTMLElement, graph: HTMLElement): void {
  const scrolled = element.querySelector(".graph")?.scrollLeft ?? 0;
  const before = focused(element);
  const focusedAt = optionsIn(element).indexOf(before as HTMLElement);
  element.replaceChildren(graph);
  const bars = element.querySelector(".graph");
  if (bars) bars.scrollLeft = scrolled;
  if (focusedAt < 0) return;
  // What had the focus is another element now, or the one in its place.
  const options = optionsIn(element);
  const { key } = before?.dataset ?? {};
  focusOn(options.find((option) => option.dataset.key === key) ?? options[focusedAt]);
}

/** Marks the bar of the concept that is filtered by, and fades what the filters leave out. */
function markChosen(element: HTMLElement, state: State): void {
  const categories = state.synced.category.value;
  const concept = state.filteredConcept.value;
  const changes = state.sides.value ? state.synced.change.value : [];
  const outside = ({ category = "", change }: DOMStringMap) =>
    (categories.length > 0 && !categories.includes(category)) ||
    (changes.length > 0 && !!change && !changes.includes(change as "kept"));
  for (const option of optionsIn(element)) {
    const chosen = option.dataset.key === concept;
    set(option, { "aria-selected": chosen });
    option.classList.toggle("faded", concept === null ? outside(option.dataset) : !chosen);
  }
}

function nothing(tables: Table[]): HTMLElement {
  const most = Math.max(...tables.map(highest));
  return h("p.graph.hint", `No unit passes the cut. The highest IoU here is ${decimals(most)}.`);
}

function graph(drawing: Drawing, table: Table, counts: Counts): HTMLElement {
  const groups = counts.groups.filter((group) => group.bars.length);
  return barsOf(
    drawing,
    `Concepts of ${table.key} by number of units`,
    groups.map(({ category, bars, units }) => ({
      category,
      bars,
      said: plural(units, "unit"),
      draw: (bar: Bar) => barOf(drawing, table, category, bar),
    })),
  );
}

function barOf(drawing: Drawing, table: Table, category: string, bar: Bar): HTMLElement {
  const column = colored(kindOf(category, drawing.categories), "column");
  column.style.setProperty("--share", String(bar.units / drawing.largest));
  return option({
    key: bar.key,
    category,
    title: `${table.fullNames[bar.concept]}: ${plural(bar.units, "unit")}`,
    choose: () => drawing.state.toggleConcept(table, bar.concept),
    // Read as "car wheel 20"; the style sheet puts the number on top, and the name into the bar.
    parts: [barName(bar.name), h("span.g-column", h("span.g-count", String(bar.units)), column)],
  });
}
