import type { Context } from "../context";
import { h } from "../dom";
import type { Scope } from "../scope";
import { counts } from "./counts";
import { dock } from "./dock";
import { empty } from "./empty";
import { graphs } from "./graph";
import { grid } from "./grid/grid";
import { header } from "./header";
import { listEnd } from "./list-end";
import { banner, overdue, problems } from "./notes";
import { outOfReachList } from "./out-of-reach";
import { tabs } from "./tabs";
import { toolbar } from "./toolbar";

/** All parts of the gallery, from top to bottom. It scrolls with the page it is in, never by itself. */
export function gallery(context: Context, remark: string, scope: Scope): HTMLElement[] {
  const several = tabs(context, scope);
  const bar = toolbar(context, scope);
  return [
    banner(context, scope),
    header(context, scope),
    ...(several ? [several] : []),
    problems(context, scope),
    graphs(context, scope),
    bar,
    h("div.list-head", counts(context, scope), overdue(context, scope), outOfReachList(context, scope)),
    missing(context, remark, scope),
    units(context, scope),
    empty(context, scope),
    listEnd(context, () => bar.previousElementSibling?.scrollIntoView({ block: "nearest" }), scope),
    dock(context, scope),
  ];
}

/** The line that says which images the current dissection, or this page, lacks. */
function missing({ state }: Context, remark: string, scope: Scope): HTMLElement {
  const element = h("p.hint");
  scope.effect(() => {
    element.textContent = [state.table.value.note, remark].filter(Boolean).join(" ");
    element.hidden = !element.textContent;
  });
  return element;
}

function units(context: Context, scope: Scope): HTMLElement {
  const { state } = context;
  const element = grid(context, scope);
  scope.effect(() => {
    element.hidden = state.sides.value ? !state.pairs.value.length : !state.shown.value.length;
  });
  return element;
}
