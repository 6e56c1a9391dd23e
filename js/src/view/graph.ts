import type { Context } from "../context";
import { type Bar, type Counts, countAt, type Group, outOfReach } from "../data/counts";
import { cutText, type Table } from "../data/table";
import { coloured, glyph, h, label, listed, named, plural, type Scope } from "../dom";
import { kindOf } from "../draw/colors";
import { decimals } from "./card";

/** The paper's bar graph: concepts by category with their numbers of detectors. A click filters. */
export function graphs(context: Context, scope: Scope): HTMLElement {
  const { state } = context;
  const element = h("div", { class: "graphs" });
  scope.effect(() => {
    const tables = state.looking.value;
    const cut = state.cut.value;
    const counts = tables.map((table) => countAt(table, cut));
    // Side by side the bars are on one scale, or they would lie.
    const largest = Math.max(...counts.map((one) => one.largest));
    const at = [...element.querySelectorAll(".graph")].map((graph) => graph.scrollLeft);
    const categories = [...new Set(tables.flatMap((table) => table.categories))];
    element.replaceChildren(
      ...tables.map((table, side) => graph({ ...context, categories, largest }, table, counts[side])),
    );
    element.querySelectorAll(".graph").forEach((graph, side) => {
      graph.scrollLeft = at[side] ?? 0;
    });
    element.classList.toggle("paired", tables.length > 1);
    mark();
  });
  function mark(): void {
    const { category, concept } = { category: state.category.value, concept: state.sought.value };
    for (const option of element.querySelectorAll<HTMLElement>("[role=option]")) {
      const chosen = option.dataset.key === concept;
      option.setAttribute("aria-selected", String(chosen));
      option.classList.toggle(
        "faded",
        concept !== null ? !chosen : category.length > 0 && !category.includes(option.dataset.category ?? ""),
      );
    }
  }
  scope.effect(mark);
  return element;
}

interface Drawing extends Context {
  /** Of all results that are looked at: a category has one colour and shape. */
  categories: string[];
  largest: number;
}

function graph(context: Drawing, table: Table, counts: Counts): HTMLElement {
  const groups = counts.groups.filter((group) => group.bars.length);
  if (!groups.length) {
    return h(
      "p",
      { class: "graph hint" },
      `No unit passes the cut. The highest IoU here is ${decimals(Math.max(0, ...table.best_iou))}.`,
    );
  }
  const list = h(
    "div",
    {
      class: "graph",
      role: "listbox",
      "aria-orientation": "horizontal",
      "aria-label": `Concepts of ${table.key} by number of units`,
      onkeydown: (event: KeyboardEvent) => move(event, list),
    },
    ...groups.map((group) => groupOf(context, table, group)),
  );
  const options = [...list.querySelectorAll<HTMLElement>("[role=option]")];
  const sought = context.state.sought.peek();
  (options.find((option) => option.dataset.key === sought) ?? options[0]).tabIndex = 0;
  return list;
}

function groupOf({ state, categories, largest }: Drawing, table: Table, group: Group): HTMLElement {
  const kind = kindOf(group.category, categories);
  const { bars } = group;
  const element = h(
    "div",
    {
      class: "graph-group",
      role: "group",
      "aria-label": `${group.category}: ${plural(group.units, "unit")}`,
    },
    h("div", { class: "graph-bars", role: "presentation" }, ...bars.map(barOf)),
    h(
      "div",
      {
        class: "graph-name",
        "aria-hidden": "true",
        onclick: () => state.toggleCategory(group.category),
      },
      label(`${group.bars.length} ${group.category}${group.bars.length === 1 ? "" : "s"}`),
    ),
  );
  element.style.setProperty("--kind", `var(--k${kind})`);
  element.style.flex = `${bars.length} 0 auto`;
  element.style.maxWidth = `${Math.max(bars.length * 32, 80)}px`;
  return element;

  function barOf(bar: Bar): HTMLElement {
    const column = coloured(kind, "column");
    column.style.setProperty("--share", String(bar.units / largest));
    const toggle = () => state.toggleConcept(table, bar.concept);
    return h(
      "div",
      {
        class: "graph-bar",
        role: "option",
        tabindex: -1,
        title: `${bar.name}: ${plural(bar.units, "unit")}`,
        "data-key": bar.key,
        "data-category": group.category,
        onclick: toggle,
        onkeydown: (event: KeyboardEvent) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          toggle();
        },
      },
      // Read as "car wheel 20"; the style sheet puts the number on top.
      h("bdi", { class: "graph-label" }, named(bar.name)),
      h("span", { class: "graph-column" }, h("span", { class: "graph-count" }, String(bar.units)), column),
    );
  }
}

/** Moves through the bars: one tab stop for all of them. */
function move(event: KeyboardEvent, list: HTMLElement): void {
  const options = [...list.querySelectorAll<HTMLElement>("[role=option]")];
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
  const element = h("details", { class: "reach" }, summary, list);
  scope.effect(() => {
    const table = state.table.value;
    const cut = state.cut.value;
    const limits = outOfReach(table, cut);
    element.hidden = !limits.length || !!state.sides.value;
    if (element.hidden) return;
    const names = limits.slice(0, 6).map(({ name }) => name);
    const more = limits.length > names.length ? ` and ${limits.length - names.length} more` : "";
    summary.replaceChildren(
      h("b", {}, `▽ ${plural(limits.length, "concept")} out of reach`),
      h("span", {}, ` at IoU ${cutText(table, cut)}: `),
      ...listed(names),
      more,
    );
    list.replaceChildren(
      ...limits.map((limit) =>
        h(
          "li",
          {},
          glyph(kindOf(limit.category, table.categories)),
          label(limit.name, "concept"),
          h("span", { class: "kind" }, limit.category),
          h("span", { class: "why" }, `${limit.reason}: IoU ≤ ${decimals(limit.ceiling)}`),
        ),
      ),
    );
  });
  return element;
}
