import type { Context } from "../../context";
import { focused, h, set } from "../../dom";
import type { Scope } from "../../scope";
import { DrawnRows } from "./drawn-rows";
import { GridFocus } from "./focus";
import { cellAround, keyboard } from "./keyboard";
import { firstUnits } from "./layout";
import { type GridElements, GridModel } from "./model";
import { OpenedUnit } from "./opened-unit";
import { followView } from "./slices";

/** The units, those in view drawn: a grid with one tab stop, moved through with the arrow keys. */
export function grid(context: Context, scope: Scope): HTMLElement {
  const model = new GridModel(context.state);
  const body = h("div.grid", { role: "grid", "aria-label": "Units", "aria-multiselectable": "true" });
  const page = h("div.page");
  const list = h("div.list", body, page);
  const elements = { list, body, page };
  const focus = new GridFocus(model, elements);
  const opened = new OpenedUnit(context, model, elements, focus);

  // In this order they follow a change: what one of them scrolls to is drawn before the next one focuses it.
  new DrawnRows(context, model, elements, focus).follow(scope);
  focus.followActive(scope);
  scrollToNewRows(model, list, scope);
  opened.follow(scope);
  followSizes(model, elements, scope);
  scope.effect(() => {
    if (model.width.value && !context.state.local.printing.value)
      context.state.local.first.value = firstUnits(model.layout.value.rowHeight);
  });
  followView(model, elements, scope);

  set(body, {
    onkeydown: keyboard(model, elements, focus, opened),
    onclick: (event: MouseEvent) => {
      const id = cellAround(event)?.dataset.cell;
      const at = id && event.shiftKey && model.cellAt(id);
      if (at) context.state.selectTo(at.table, at.unit);
      else if (id && !globalThis.getSelection()?.toString()) opened.toggle(id, false);
    },
    // A range of units, none of text.
    onmousedown: (event: MouseEvent) => event.shiftKey && event.preventDefault(),
    onfocusin: (event: FocusEvent) => {
      model.active.value = cellAround(event)?.dataset.cell ?? model.active.value;
      model.lastFocus = model.locate(model.active.value);
    },
  });
  return list;
}

/** A new selection of units is looked at from its top by whoever made it; a newer result of the same where one was. */
function scrollToNewRows(model: GridModel, list: HTMLElement, scope: Scope): void {
  const renewed = model.renewal();
  let before = "";
  scope.effect(() => {
    const rows = model.rows.value;
    const key = rows.length ? `${rows[0].key} ${rows.length} ${rows.at(-1)?.key}` : "";
    if (model.state.local.printing.value) return; // which has rows of its own
    if (!renewed() && before && key !== before && model.openRow.peek() < 0) scrollToTop(model, list);
    before = key;
  });
}

/** Python's changes move the page of a notebook no more than what somebody does elsewhere in it. */
function scrollToTop({ state }: GridModel, list: HTMLElement): void {
  if (!state.local.ownPage && !focused(list)) return;
  if (list.getBoundingClientRect().top < 0) list.scrollIntoView({ block: "start" });
}

function followSizes(model: GridModel, { body, page }: GridElements, scope: Scope): void {
  const sizes = new ResizeObserver(() => {
    if (model.state.local.printing.peek()) return;
    if (body.clientWidth) model.width.value = body.clientWidth; // none while it is out of the page
    model.openHeight.value = page.offsetHeight;
  });
  for (const element of [body, page]) sizes.observe(element);
  scope.onCleanup(() => sizes.disconnect());
}
