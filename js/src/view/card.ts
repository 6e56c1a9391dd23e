import type { Context } from "../context";
import { categoryOf, isDetector, type Table } from "../data/table";
import { glyph, h, label, named, set } from "../dom";
import { kindOf } from "../draw/colors";
import { Scope } from "../scope";
import { conceptLabel } from "./concept";
import { copyButton } from "./copy-button";
import type { Layout } from "./grid/layout";
import { decimals, iouBar } from "./iou";
import { strip } from "./strip";

/** A unit in the grid. */
export interface Cell {
  table: Table;
  unit: number;
  /** In a comparison: its IoU with the row's concept, which may be another than its best one. */
  paired?: {
    iou: number;
    kind: number;
    /** What the unit is labeled, where that isn't the row's concept. */
    ownLabel: string;
    /** Whether any unit of its side detects that concept. */
    detects: boolean;
  };
}

export interface Card {
  element: HTMLElement;
  scope: Scope;
}

/** The category style of units without a concept. */
const NO_KIND = 6;

/** Stands before a label that may still change. */
export const mayChange = ({ provisional }: Table): HTMLElement | "" =>
  provisional && h("span", { role: "img", "aria-label": "provisional", title: provisional }, "≈");

/** Makes the card of a unit, a grid cell; it follows selection, opening and the cut by itself. */
export function card(context: Context, cell: Cell, layout: Layout, full: number): Card {
  const { state } = context;
  const { table, unit } = cell;
  const scope = new Scope();
  const address = state.address(table, unit);
  const best = table.best[unit];
  const about = best < 0 ? "" : ` for ${named(table.names[best])}`;
  const element = h(
    "div",
    { class: `card ${layout.shape}`, role: "gridcell", tabindex: -1, "data-address": address },
    head(context, cell, full, scope),
    table.top ? strip(context, table, unit, layout, about, scope) : null,
  );
  scope.effect(() => {
    const cut = state.synced.cut.value;
    const weak = cell.paired ? !cell.paired.detects : !isDetector(table, unit, cut);
    element.classList.toggle("weak", weak);
  });
  scope.effect(() => set(element, { "aria-selected": state.isSelected(table, unit) }));
  scope.effect(() => set(element, { "aria-expanded": state.synced.opened.value === address }));
  return { element, scope };
}

/** The text of a card. The cell is named by it: the address comes first, and the style sheet puts it below. */
function head(context: Context, cell: Cell, full: number, scope: Scope): HTMLElement {
  const { table, unit, paired } = cell;
  const best = table.best[unit];
  const iou = paired?.iou ?? table.best_iou[unit];
  const kind = paired?.kind ?? (best < 0 ? NO_KIND : kindOf(categoryOf(table, best), table.categories));
  return h(
    "div.head",
    copyButton(context, context.state.address(table, unit)),
    paired ? null : title(context, table, unit, kind, scope),
    h("div.score", iouBar(context, iou, kind, full, scope), h("b", h("span.aside", "IoU "), decimals(iou))),
    h("span.then", ...(paired && !paired.detects ? whyNot(paired) : runnerUp(table, unit))),
    tick(context, table, unit, scope),
  );
}

/** What the unit is labeled, and the category of that. */
function title({ state }: Context, table: Table, unit: number, kind: number, scope: Scope): HTMLElement {
  const best = table.best[unit];
  if (best < 0) return h("div.title", mayChange(table), h("span.none", "no concept"), h("span.kind"));
  const category = h("span.kind");
  scope.effect(() => {
    const detector = isDetector(table, unit, state.synced.cut.value);
    category.textContent = `${categoryOf(table, best)}${detector ? "" : ", below the cut"}`;
  });
  return h("div.title", glyph(kind), mayChange(table), conceptLabel(table, best, "concept"), category);
}

/** Why the unit that comes nearest to a concept doesn't detect it. */
const whyNot = ({ ownLabel }: NonNullable<Cell["paired"]>): (string | HTMLElement)[] =>
  ownLabel ? ["labeled ", label(ownLabel)] : ["below the cut"];

function runnerUp(table: Table, unit: number): (string | HTMLElement)[] {
  const second = table.second[unit];
  if (second < 0) return [];
  return ["then ", conceptLabel(table, second), ` ${decimals(table.second_iou[unit])}`];
}

function tick({ state }: Context, table: Table, unit: number, scope: Scope): HTMLElement {
  let ranged = false;
  const stay = (event: MouseEvent) => {
    event.stopPropagation(); // a click opens the unit only beside it
    ranged = event.shiftKey;
  };
  const box = h("input", {
    type: "checkbox",
    tabindex: -1,
    "aria-label": `Select ${state.address(table, unit)}`,
    onclick: stay,
    onchange: () => {
      if (ranged) state.selectTo(table, unit);
      else state.toggleSelected(table, unit);
      box.checked = state.isSelected(table, unit); // which the range may have left as it was
    },
  });
  scope.effect(() => {
    box.checked = state.isSelected(table, unit);
  });
  return h("label.tick", { title: "Select (Space)", onclick: stay }, box);
}
