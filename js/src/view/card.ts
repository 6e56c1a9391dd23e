import type { Context } from "../context";
import { categoryOf, highest, isDetector, passes, type Table } from "../data/table";
import { coloured, focused, focusOn, glyph, h, label, named, Scope, set } from "../dom";
import { kindOf } from "../draw/colors";
import { strip } from "./strip";
import type { Layout } from "./window";

/** A unit in the grid; `iou` is set where it stands for another concept than its best one. */
export interface Cell {
  table: Table;
  unit: number;
  iou?: number;
  /** In a comparison: what the unit is labelled, where that isn't the row's concept. */
  otherwise?: string;
  kind?: number;
}

export interface Card {
  element: HTMLElement;
  scope: Scope;
}

/** Text of an IoU: three decimals everywhere. */
export const decimals = (iou: number): string => iou.toFixed(3);

/** Copies an address and says so on the button. */
export function copyButton(context: Context, address: string): HTMLElement {
  const button: HTMLButtonElement = h(
    "button.address",
    {
      tabindex: -1,
      title: `Copy ${address} (c)`,
      onclick: (event: Event) => {
        event.stopPropagation();
        copy(context, address, button);
      },
    },
    h("bdi", { dir: "ltr" }, address),
  );
  return button;
}

/** The old way: navigator.clipboard is held back where a notebook isn't served over https. */
function copy(context: Context, text: string, button: HTMLElement): void {
  const before = focused(button);
  const field = h("textarea", { style: "position:fixed" }, text);
  document.body.append(field);
  field.select();
  const said = document.execCommand("copy") ? "Copied" : "Not allowed here:";
  field.remove();
  focusOn(before);
  context.say(`${said} ${text}`);
  button.dataset.copied = said;
  setTimeout(() => delete button.dataset.copied, 1400);
}

/** The bar of an IoU, with the cut marked on it. `full` is the value of a whole bar. */
export function iouBar(context: Context, iou: number, kind: number, full: number, scope: Scope): HTMLElement {
  const mark = h("i.cut-mark");
  const fill = coloured(kind, "fill");
  fill.style.width = `${Math.min(100, (iou / full) * 100)}%`;
  scope.effect(() => {
    mark.style.left = `${Math.min(100, (context.state.cut.value / full) * 100)}%`;
  });
  return h("span.bar", { "aria-hidden": "true" }, fill, mark);
}

/** The largest best IoU of a result, rounded up to a tenth: the end of every bar. */
export function fullIou(table: Table): number {
  return Math.max(0.1, Math.ceil(highest(table) * 20) / 20);
}

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
  const second = table.second[unit];
  const category = best < 0 ? "" : categoryOf(table, best);
  const kind = cell.kind ?? (best < 0 ? 6 : kindOf(category, table.categories));
  const iou = cell.iou ?? table.best_iou[unit];
  const paired = cell.iou !== undefined;

  const tick: HTMLInputElement = h("input", {
    type: "checkbox",
    tabindex: -1,
    "aria-label": `Select ${address}`,
    onclick: (event: Event) => event.stopPropagation(),
    onchange: () => state.toggleSelected(table, unit),
  });
  const kindText = h("span.kind");
  const name = best < 0 ? h("span.none", "no concept") : label(table.names[best], "concept");
  const then =
    second < 0 ? [] : ["then ", label(table.names[second]), ` ${decimals(table.second_iou[unit])}`];
  const remark = h("span.then", ...(cell.otherwise ? ["labelled ", label(cell.otherwise)] : then));
  // The cell is named by its content: the address comes first, and the style sheet puts it below.
  const head = h(
    "div.head",
    copyButton(context, address),
    paired ? null : h("div.title", best < 0 ? null : glyph(kind), mayChange(table), name, kindText),
    h("div.score", iouBar(context, iou, kind, full, scope), h("b", h("span.aside", "IoU "), decimals(iou))),
    remark,
    h("label.tick", { title: "Select (Space)", onclick: (event: Event) => event.stopPropagation() }, tick),
  );
  const element = h(
    "div",
    { class: `card ${layout.shape}`, role: "gridcell", tabindex: -1, "data-address": address },
    head,
    table.top
      ? strip(context, table, unit, layout, best < 0 ? "" : ` for ${named(table.names[best])}`, scope)
      : null,
  );
  scope.effect(() => {
    const detector = isDetector(table, unit, state.cut.value);
    element.classList.toggle("weak", paired ? !passes(table, iou, state.cut.value) : !detector);
    kindText.textContent = best < 0 ? "" : detector ? category : `${category}, below the cut`;
  });
  scope.effect(() => {
    const selected = state.isSelected(table, unit);
    tick.checked = selected;
    set(element, { "aria-selected": selected });
  });
  scope.effect(() => {
    set(element, { "aria-expanded": state.opened.value === address });
  });
  return { element, scope };
}
