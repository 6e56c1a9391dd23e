import type { Context } from "../context";
import { highest, type Table } from "../data/table";
import { colored, h } from "../dom";
import type { Scope } from "../scope";

/** Text of an IoU: three decimals everywhere. */
export const decimals = (iou: number): string => iou.toFixed(3);

/** The largest best IoU of a result, rounded up to a twentieth: the end of every bar. */
export const fullIou = (table: Table): number => Math.max(0.1, Math.ceil(highest(table) * 20) / 20);

/** The bar of an IoU, with the cut marked on it. `full` is the value of a whole bar. */
export function iouBar(
  { state }: Context,
  iou: number,
  kind: number,
  full: number,
  scope: Scope,
): HTMLElement {
  const mark = h("i.cut-mark");
  const fill = colored(kind, "fill");
  const place = (value: number) => `${Math.min(100, (value / full) * 100)}%`;
  fill.style.width = place(iou);
  scope.effect(() => {
    mark.style.left = place(state.synced.cut.value);
  });
  return h("span.bar", { "aria-hidden": "true" }, fill, mark);
}
