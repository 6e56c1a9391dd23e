import type { Context } from "../../context";
import { h, set } from "../../dom";
import type { Scope } from "../../scope";
import { DrawnRows } from "./drawn-rows";
import { GridFocus } from "./focus";
import { cellAround, keyboard } from "./keyboard";
import { topOf } from "./layout";
import { type GridElements, GridModel } from "./model";
import { OpenedUnit } from "./opened-unit";

/** The units, as many as are in view: a grid with one tab stop, moved through with the arrow keys. */
export function grid(context: Context, scope: Scope): HTMLElement {
  const model = new GridModel(context.state);
  const body = h("div.grid", { role: "grid", "aria-label": "Units", "aria-multiselectable": "true" });
  const page = h("div.page");
  const viewport = h("div.viewport", body, page);
  const elements = { viewport, body, page };
  const focus = new GridFocus(model, elements);
  const opened = new OpenedUnit(context, model, elements, focus);

  // In this order they follow a change: what one of them scrolls to is drawn before the next one focuses it.
  new DrawnRows(context, model, elements, focus).follow(scope);
  focus.followActive(scope);
  scrollToNewRows(model, viewport, scope);
  opened.follow(scope);
  followSizes(model, elements, scope);

  set(viewport, { onscroll: () => (model.scrolled.value = viewport.scrollTop) });
  set(body, {
    onkeydown: keyboard(model, elements, focus, opened),
    onclick: (event: MouseEvent) => {
      const id = cellAround(event)?.dataset.cell;
      if (id && !globalThis.getSelection()?.toString()) opened.toggle(id, false);
    },
    onfocusin: (event: FocusEvent) => {
      model.active.value = cellAround(event)?.dataset.cell ?? model.active.value;
      model.lastFocus = model.locate(model.active.value);
    },
  });
  return viewport;
}

/** A new selection of units starts at its top, and a newer result of the same where one was. */
function scrollToNewRows(model: GridModel, viewport: HTMLElement, scope: Scope): void {
  const renewed = model.renewal();
  let before = "";
  scope.effect(() => {
    const rows = model.rows.value;
    const key = rows.length ? `${rows[0].key} ${rows.length} ${rows.at(-1)?.key}` : "";
    if (!renewed() && before && key !== before) {
      const extent = model.extent.peek();
      viewport.scrollTop = extent.openRow < 0 ? 0 : topOf(extent, extent.openRow); // an opened unit stays in view
    }
    before = key;
  });
}

function followSizes(model: GridModel, { viewport, body, page }: GridElements, scope: Scope): void {
  const sizes = new ResizeObserver(() => {
    // A notebook may take a cell out of the page and put it back: it comes back scrolled to the top.
    if (!model.width.value) viewport.scrollTop = model.scrolled.value;
    model.width.value = body.clientWidth;
    model.height.value = viewport.clientHeight;
    model.openHeight.value = page.offsetHeight;
  });
  for (const element of [viewport, page]) sizes.observe(element);
  scope.onCleanup(() => sizes.disconnect());
}
