import { type Signal, signal } from "@preact/signals-core";
import type { Context } from "../context";
import { type Bar, type Counts, countAt, type Group } from "../data/counts";
import { highest, type Table } from "../data/table";
import { colored, focused, focusOn, h, label, named, plural, set } from "../dom";
import { kindOf } from "../draw/colors";
import type { Scope } from "../scope";
import type { State } from "../state/state";
import { decimals } from "./iou";

/** Pixels of a bar, of the name below the bars, and of the gap after them; as in the style sheet. */
const [BAR, NAME, BETWEEN] = [17, 72, 12];
/** The widest that a bar becomes, and a category with few bars. */
const [WIDEST_BAR, NARROWEST_GROUP] = [26, 76];
/** Below this width two graphs stand one below the other; as in the style sheet. */
const STACKED = 640;
const FEWEST = 4;

/** What the graphs are drawn from. */
interface Drawing {
  state: State;
  /** Of all results that are shown: a category has one color and shape. */
  categories: string[];
  /** Units of the longest bar: side by side the bars are on one scale, or they would lie. */
  largest: number;
  /** Pixels for one graph. */
  room: number;
  /** Categories of which all bars are asked for. */
  expanded: Signal<string[]>;
}

/** The paper's bar graph: concepts by category with their numbers of detectors. A click filters. */
export function graphs({ state }: Context, scope: Scope): HTMLElement {
  const element = h("div.graphs");
  const width = widthOf(element, scope);
  const expanded = signal<string[]>([]);
  scope.effect(() => {
    const tables = state.visibleTables.value;
    const counts = tables.map((table) => countAt(table, state.synced.cut.value));
    const drawing: Drawing = {
      state,
      categories: [...new Set(tables.flatMap((table) => table.categories))],
      largest: Math.max(...counts.map((one) => one.largest)),
      room: roomFor(tables.length, state.local.printing.value ? 0 : width.value),
      expanded,
    };
    replaceGraphs(
      element,
      tables.map((table, side) => graph(drawing, table, counts[side])),
    );
    element.classList.toggle("paired", tables.length > 1);
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

/** Pixels for each of some graphs in a width that is known, or on paper (0), where nothing is left out. */
function roomFor(graphs: number, width: number): number {
  if (!width) return Number.POSITIVE_INFINITY;
  return width > STACKED ? width / graphs : width;
}

/** Puts new graphs in the place of the old ones: scrolled as they were, with the focus where it was. */
function replaceGraphs(element: HTMLElement, graphs: HTMLElement[]): void {
  const scrolled = [...element.querySelectorAll(".graph")].map((graph) => graph.scrollLeft);
  const before = focused(element);
  const focusedAt = optionsIn(element).indexOf(before as HTMLElement);
  element.replaceChildren(...graphs);
  element.querySelectorAll(".graph").forEach((graph, side) => {
    graph.scrollLeft = scrolled[side] ?? 0;
  });
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
  for (const option of optionsIn(element)) {
    const { key, category = "" } = option.dataset;
    const chosen = key === concept;
    set(option, { "aria-selected": chosen });
    const outside = categories.length > 0 && !categories.includes(category);
    option.classList.toggle("faded", concept === null ? outside : !chosen);
  }
}

const optionsIn = (element: Element) => [...element.querySelectorAll<HTMLElement>("[role=option]")];

/** How many bars of each category there is room for: a category with fewer shows all of them. */
export function mostBars(bars: number[], room: number): number {
  let most = Math.max(FEWEST, ...bars);
  // One more bar's room is for the number of those that are left out.
  const widthOf = (count: number) => BETWEEN + Math.max(NAME, BAR * Math.min(count, most + 1));
  while (most > FEWEST && bars.reduce((sum, count) => sum + widthOf(count), 0) > room) most--;
  return most;
}

function graph(drawing: Drawing, table: Table, counts: Counts): HTMLElement {
  const groups = counts.groups.filter((group) => group.bars.length);
  if (!groups.length) {
    return h("p.graph.hint", `No unit passes the cut. The highest IoU here is ${decimals(highest(table))}.`);
  }
  const most = mostBars(
    groups.map(({ bars }) => bars.length),
    drawing.room,
  );
  const list = h(
    "div.graph",
    {
      role: "listbox",
      "aria-orientation": "horizontal",
      "aria-label": `Concepts of ${table.key} by number of units`,
      onkeydown: (event: KeyboardEvent) => moveFocus(event, list),
    },
    ...groups.map((group) => groupOf(drawing, table, group, most)),
  );
  const options = optionsIn(list);
  const filtered = drawing.state.filteredConcept.peek();
  (options.find((option) => option.dataset.key === filtered) ?? options[0]).tabIndex = 0;
  return list;
}

/** The bars of one category and its name; of more than `most` bars only so many, and the number of the others. */
function groupOf(drawing: Drawing, table: Table, group: Group, most: number): HTMLElement {
  const { state, categories, expanded } = drawing;
  const { category, bars } = group;
  const all = expanded.value.includes(category) || bars.length <= most + 1;
  const shown = all ? bars : bars.slice(0, most);
  const nouns = `${category}${bars.length === 1 ? "" : "s"}`;
  const more = () =>
    option({
      key: `more ${category}`,
      category,
      title: `Show all ${nouns}`,
      choose: () => (expanded.value = [...expanded.value, category]),
      parts: [h("bdi.g-label", `+${bars.length - shown.length} more`), h("span.g-column")],
    });
  const element = h(
    "div.g-group",
    { role: "group", "aria-label": `${category}: ${plural(group.units, "unit")}` },
    h(
      "div.g-bars",
      { role: "presentation" },
      ...shown.map((bar) => barOf(drawing, table, category, bar)),
      all ? null : more(),
    ),
    h(
      "div.g-name",
      { "aria-hidden": "true", onclick: () => state.toggleCategory(category) },
      label(`${bars.length} ${nouns}`),
    ),
  );
  element.style.setProperty("--kind", `var(--k${kindOf(category, categories)})`);
  element.style.flex = `${shown.length} 0 auto`;
  element.style.maxWidth = `${Math.max((shown.length + (all ? 0 : 1)) * WIDEST_BAR, NARROWEST_GROUP)}px`;
  return element;
}

function barOf(drawing: Drawing, table: Table, category: string, bar: Bar): HTMLElement {
  const column = colored(kindOf(category, drawing.categories), "column");
  column.style.setProperty("--share", String(bar.units / drawing.largest));
  return option({
    key: bar.key,
    category,
    title: `${bar.name}: ${plural(bar.units, "unit")}`,
    choose: () => drawing.state.toggleConcept(table, bar.concept),
    // Read as "car wheel 20"; the style sheet puts the number on top, and the name into the bar.
    parts: [
      h(`span.g-label${named(bar.name).includes(" ") ? ".long" : ""}`, h("bdi", named(bar.name))),
      h("span.g-column", h("span.g-count", String(bar.units)), column),
    ],
  });
}

interface Option {
  key: string;
  category: string;
  title: string;
  choose(): void;
  parts: HTMLElement[];
}

function option({ key, category, title, choose, parts }: Option): HTMLElement {
  const onkeydown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose();
  };
  return h(
    "div.g-bar",
    {
      role: "option",
      tabindex: -1,
      title,
      "data-key": key,
      "data-category": category,
      onclick: () => choose(),
      onkeydown,
    },
    ...parts,
  );
}

/** Moves through the bars: one tab stop for all of them. */
function moveFocus(event: KeyboardEvent, list: HTMLElement): void {
  const options = optionsIn(list);
  const now = options.indexOf(event.target as HTMLElement);
  const next = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: options.length - 1 }[event.key];
  if (next === undefined || !options[next]) return;
  event.preventDefault();
  options[now].tabIndex = -1;
  options[next].tabIndex = 0;
  options[next].focus();
}
