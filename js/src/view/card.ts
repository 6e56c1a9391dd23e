import type { Context } from "../context";
import { categoryOf, isDetector, passes, type Table } from "../data/table";
import { coloured, glyph, h, label, named, Scope } from "../dom";
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
    "button",
    {
      class: "address",
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
  const focus = (button.getRootNode() as ShadowRoot).activeElement as HTMLElement | null;
  const field = h("textarea", { style: "position:fixed" }, text);
  document.body.append(field);
  field.select();
  const said = document.execCommand("copy") ? "Copied" : "Not allowed here:";
  field.remove();
  focus?.focus({ preventScroll: true });
  context.say(`${said} ${text}`);
  button.dataset.copied = said;
  setTimeout(() => delete button.dataset.copied, 1400);
}

/** The bar of an IoU, with the cut marked on it. `full` is the value of a whole bar. */
export function iouBar(context: Context, iou: number, kind: number, full: number, scope: Scope): HTMLElement {
  const mark = h("i", { class: "cut-mark" });
  const fill = coloured(kind, "fill");
  fill.style.width = `${Math.min(100, (iou / full) * 100)}%`;
  scope.effect(() => {
    mark.style.left = `${Math.min(100, (context.state.cut.value / full) * 100)}%`;
  });
  return h("span", { class: "bar", "aria-hidden": "true" }, fill, mark);
}

/** The largest best IoU of a result, rounded up to a tenth: the end of every bar. */
export function fullIou(table: Table): number {
  let most = 0;
  for (const iou of table.best_iou) if (iou > most) most = iou;
  return Math.max(0.1, Math.ceil(most * 20) / 20);
}

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
  const kindText = h("span", { class: "kind" });
  const name = best < 0 ? h("span", { class: "none" }, "no concept") : label(table.names[best], "concept");
  const then =
    second < 0 ? [] : ["then ", label(table.names[second]), ` ${decimals(table.second_iou[unit])}`];
  const remark = h(
    "span",
    { class: "then" },
    ...(cell.otherwise ? ["labelled ", label(cell.otherwise)] : then),
  );
  // The cell is named by its content: the address comes first, and the style sheet puts it below.
  const head = h(
    "div",
    { class: "head" },
    copyButton(context, address),
    paired ? null : h("div", { class: "title" }, best < 0 ? null : glyph(kind), name, kindText),
    h(
      "div",
      { class: "score" },
      iouBar(context, iou, kind, full, scope),
      h("b", {}, h("span", { class: "aside" }, "IoU "), decimals(iou)),
    ),
    remark,
    h(
      "label",
      { class: "tick", title: "Select (Space)", onclick: (event: Event) => event.stopPropagation() },
      tick,
    ),
  );
  const element = h(
    "div",
    { class: `card ${layout.shape}`, role: "gridcell", tabindex: -1, "data-address": address },
    head,
    table.top
      ? strip(context, table, unit, layout.thumb, best < 0 ? "" : ` for ${named(table.names[best])}`, scope)
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
    element.setAttribute("aria-selected", String(selected));
  });
  scope.effect(() => {
    element.setAttribute("aria-expanded", String(state.opened.value === address));
  });
  return { element, scope };
}
