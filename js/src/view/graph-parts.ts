import type { Signal } from "@preact/signals-core";
import { h, label, named, runsCell } from "../dom";
import { kindOf } from "../draw/colors";
import type { State } from "../state/state";

/** Pixels of a bar, of the name below the bars, and of the gap after them; as in the style sheet. */
const [BAR, NAME, BETWEEN] = [17, 72, 12];
/** The widest that a bar becomes with its name, and a category with few bars. */
const [WIDEST_BAR, NARROWEST_GROUP] = [28, 76];
const FEWEST = 4;

/** What a graph is drawn from. */
export interface Drawing {
  state: State;
  /** Of all results that are shown: a category has one color and shape. */
  categories: string[];
  /** Units of the longest bar: bars that are compared are on one scale, or they would lie. */
  largest: number;
  /** Pixels for its bars. */
  room: number;
  /** Categories of which all bars are asked for. */
  expanded: Signal<string[]>;
}

/** The bars of a category, each drawn by `draw`. */
export interface DrawnGroup<T> {
  category: string;
  bars: T[];
  /** What is said of the group beside its name. */
  said: string;
  draw(bar: T): HTMLElement;
}

export const optionsIn = (element: Element) => [...element.querySelectorAll<HTMLElement>("[role=option]")];

/** How many bars of each category there is room for: a category with fewer shows all of them. */
export function mostBars(bars: number[], room: number): number {
  let most = Math.max(FEWEST, ...bars);
  // One more bar's room is for the number of those that are left out.
  const widthOf = (count: number) => BETWEEN + Math.max(NAME, BAR * Math.min(count, most + 1));
  while (most > FEWEST && bars.reduce((sum, count) => sum + widthOf(count), 0) > room) most--;
  return most;
}

/** A row of bars by category: one tab stop, moved through with the arrow keys. */
export function barsOf<T>(drawing: Drawing, name: string, groups: DrawnGroup<T>[]): HTMLElement {
  const most = mostBars(
    groups.map(({ bars }) => bars.length),
    drawing.room,
  );
  const list = h(
    "div.graph",
    {
      role: "listbox",
      "aria-orientation": "horizontal",
      "aria-label": name,
      onkeydown: (event: KeyboardEvent) => moveFocus(event, list),
    },
    ...groups.map((group) => groupOf(drawing, group, most)),
  );
  const options = optionsIn(list);
  const filtered = drawing.state.filteredConcept.peek();
  (options.find((option) => option.dataset.key === filtered) ?? options[0]).tabIndex = 0;
  return list;
}

/** The bars of one category and its name; of more than `most` bars only so many, and the number of the others. */
function groupOf<T>(drawing: Drawing, group: DrawnGroup<T>, most: number): HTMLElement {
  const { state, categories, expanded } = drawing;
  const { category, bars, said, draw } = group;
  const all = expanded.value.includes(category) || bars.length <= most + 1;
  const shown = all ? bars : bars.slice(0, most);
  const nouns = `${category}${bars.length === 1 ? "" : "s"}`;
  const more = () =>
    option({
      key: `more ${category}`,
      category,
      title: `Show all ${nouns}`,
      choose: () => (expanded.value = [...expanded.value, category]),
      parts: [h("span.g-label", `+${bars.length - shown.length} more`), h("span.g-column")],
    });
  const element = h(
    "div.g-group",
    { role: "group", "aria-label": `${category}: ${said}` },
    h("div.g-bars", { role: "presentation" }, ...shown.map(draw), all ? null : more()),
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

/** The name of a concept beside its bar. */
export const barName = (name: string): HTMLElement => h("span.g-label", h("bdi", named(name)));

interface Option {
  key: string;
  category: string;
  title: string;
  choose(event: Event): void;
  parts: HTMLElement[];
}

/** A concept of the graph, which can be chosen. */
export function option({ key, category, title, choose, parts }: Option): HTMLElement {
  const onkeydown = (event: KeyboardEvent) => {
    if ((event.key !== "Enter" && event.key !== " ") || runsCell(event)) return;
    event.preventDefault();
    choose(event);
  };
  return h(
    "div.g-bar",
    {
      role: "option",
      tabindex: -1,
      title,
      "data-key": key,
      "data-category": category,
      onclick: (event: MouseEvent) => choose(event),
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
