import { type Signal, signal } from "@preact/signals-core";
import type { Context } from "../context";
import { type Bar, type Counts, countAt, type Group, outOfReach } from "../data/counts";
import { cutText, highest, type Table } from "../data/table";
import { coloured, focused, focusOn, glyph, h, label, listed, named, plural, type Scope, set } from "../dom";
import { kindOf } from "../draw/colors";
import { decimals } from "./card";

/** The paper's bar graph: concepts by category with their numbers of detectors. A click filters. */
export function graphs(context: Context, scope: Scope): HTMLElement {
  const { state } = context;
  const element = h("div.graphs");
  const width = signal(0);
  const sizes = new ResizeObserver(() => {
    width.value = element.clientWidth;
  });
  sizes.observe(element);
  scope.end(() => sizes.disconnect());
  /** Categories of which all bars are asked for. */
  const whole = signal<string[]>([]);
  scope.effect(() => {
    const tables = state.looking.value;
    const cut = state.cut.value;
    // Where they stand one below the other each has the whole width.
    const room =
      state.printing.value || !width.value
        ? Number.POSITIVE_INFINITY
        : width.value / (width.value > 640 ? tables.length : 1);
    const counts = tables.map((table) => countAt(table, cut));
    // Side by side the bars are on one scale, or they would lie.
    const largest = Math.max(...counts.map((one) => one.largest));
    const at = [...element.querySelectorAll(".graph")].map((graph) => graph.scrollLeft);
    const categories = [...new Set(tables.flatMap((table) => table.categories))];
    const before = focused(element);
    const focusedAt = optionsIn(element).indexOf(before as HTMLElement);
    element.replaceChildren(
      ...tables.map((table, side) =>
        graph({ ...context, categories, largest, room, whole }, table, counts[side]),
      ),
    );
    element.querySelectorAll(".graph").forEach((graph, side) => {
      graph.scrollLeft = at[side] ?? 0;
    });
    if (focusedAt >= 0) {
      // What had the focus is another element now, or the one in its place.
      const options = optionsIn(element);
      const { key } = before?.dataset ?? {};
      focusOn(options.find((option) => option.dataset.key === key) ?? options[focusedAt]);
    }
    element.classList.toggle("paired", tables.length > 1);
    mark();
  });
  function mark(): void {
    const { category, concept } = { category: state.category.value, concept: state.sought.value };
    for (const option of optionsIn(element)) {
      const chosen = option.dataset.key === concept;
      set(option, { "aria-selected": chosen });
      option.classList.toggle(
        "faded",
        concept !== null ? !chosen : category.length > 0 && !category.includes(option.dataset.category ?? ""),
      );
    }
  }
  scope.effect(mark);
  return element;
}

const optionsIn = (element: Element) => [...element.querySelectorAll<HTMLElement>("[role=option]")];

/** Pixels of a bar, of the name below the bars, and of the gap after them; as in the style sheet. */
const [BAR, NAME, BETWEEN] = [17, 72, 18];
const FEWEST = 4;

/** How many bars of each category there is room for: a category with fewer shows all of them. */
export function mostBars(bars: number[], room: number): number {
  let most = Math.max(FEWEST, ...bars);
  // One more bar's room is for the number of those that are left out.
  const widthOf = (count: number) => BETWEEN + Math.max(NAME, BAR * Math.min(count, most + 1));
  while (most > FEWEST && bars.reduce((sum, count) => sum + widthOf(count), 0) > room) most--;
  return most;
}

interface Drawing extends Context {
  /** Of all results that are looked at: a category has one colour and shape. */
  categories: string[];
  largest: number;
  room: number;
  whole: Signal<string[]>;
}

function graph(context: Drawing, table: Table, counts: Counts): HTMLElement {
  const groups = counts.groups.filter((group) => group.bars.length);
  if (!groups.length) {
    return h("p.graph.hint", `No unit passes the cut. The highest IoU here is ${decimals(highest(table))}.`);
  }
  const most = mostBars(
    groups.map(({ bars }) => bars.length),
    context.room,
  );
  const list = h(
    "div.graph",
    {
      role: "listbox",
      "aria-orientation": "horizontal",
      "aria-label": `Concepts of ${table.key} by number of units`,
      onkeydown: (event: KeyboardEvent) => move(event, list),
    },
    ...groups.map((group) => groupOf(context, table, group, most)),
  );
  const options = optionsIn(list);
  const sought = context.state.sought.peek();
  (options.find((option) => option.dataset.key === sought) ?? options[0]).tabIndex = 0;
  return list;
}

function groupOf(
  { state, categories, largest, whole }: Drawing,
  table: Table,
  group: Group,
  most: number,
): HTMLElement {
  const { category } = group;
  const kind = kindOf(category, categories);
  const all = whole.value.includes(category) || group.bars.length <= most + 1;
  const bars = all ? group.bars : group.bars.slice(0, most);
  const left = group.bars.length - bars.length;
  const nouns = `${category}${group.bars.length === 1 ? "" : "s"}`;
  const element = h(
    "div.g-group",
    { role: "group", "aria-label": `${category}: ${plural(group.units, "unit")}` },
    h(
      "div.g-bars",
      { role: "presentation" },
      ...bars.map(barOf),
      left
        ? option(
            `more ${category}`,
            `Show all ${nouns}`,
            () => (whole.value = [...whole.value, category]),
            h("bdi.g-label", `+${left} more`),
            h("span.g-column"),
          )
        : null,
    ),
    h(
      "div.g-name",
      { "aria-hidden": "true", onclick: () => state.toggleCategory(category) },
      label(`${group.bars.length} ${nouns}`),
    ),
  );
  element.style.setProperty("--kind", `var(--k${kind})`);
  element.style.flex = `${bars.length} 0 auto`;
  element.style.maxWidth = `${Math.max((bars.length + +!all) * 32, 80)}px`;
  return element;

  function barOf(bar: Bar): HTMLElement {
    const column = coloured(kind, "column");
    column.style.setProperty("--share", String(bar.units / largest));
    return option(
      bar.key,
      `${bar.name}: ${plural(bar.units, "unit")}`,
      () => state.toggleConcept(table, bar.concept),
      // Read as "car wheel 20"; the style sheet puts the number on top.
      h("bdi.g-label", named(bar.name)),
      h("span.g-column", h("span.g-count", String(bar.units)), column),
    );
  }

  function option(key: string, title: string, choose: () => void, ...parts: HTMLElement[]): HTMLElement {
    return h(
      "div.g-bar",
      {
        role: "option",
        tabindex: -1,
        title,
        "data-key": key,
        "data-category": category,
        onclick: choose,
        onkeydown: (event: KeyboardEvent) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          choose();
        },
      },
      ...parts,
    );
  }
}

/** Moves through the bars: one tab stop for all of them. */
function move(event: KeyboardEvent, list: HTMLElement): void {
  const options = optionsIn(list);
  const now = options.indexOf(event.target as HTMLElement);
  const next = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: options.length - 1 }[event.key];
  if (next === undefined || !options[next]) return;
  event.preventDefault();
  options[now].tabIndex = -1;
  options[next].tabIndex = 0;
  options[next].focus();
}

/** Concepts that no unit of the layer could reach, with the reason: not the same as "not found". */
export function reach({ state }: Context, scope: Scope): HTMLElement {
  const list = h("ul");
  const summary = h("summary");
  const element = h("details.reach", summary, list);
  scope.effect(() => {
    const table = state.table.value;
    const cut = state.cut.value;
    const limits = outOfReach(table, cut);
    element.hidden = !limits.length || !!state.sides.value;
    if (element.hidden) return;
    const names = limits.slice(0, 6).map(({ name }) => name);
    const more = limits.length > names.length ? ` and ${limits.length - names.length} more` : "";
    summary.replaceChildren(
      h("b", `▽ ${plural(limits.length, "concept")} out of reach`),
      h("span", ` at IoU ${cutText(table, cut)}: `),
      ...listed(names),
      more,
    );
    list.replaceChildren(
      ...limits.map((limit) =>
        h(
          "li",
          glyph(kindOf(limit.category, table.categories)),
          label(limit.name, "concept"),
          h("span.kind", limit.category),
          h("span.why", `${limit.reason}: IoU ≤ ${decimals(limit.ceiling)}`),
        ),
      ),
    );
  });
  return element;
}
