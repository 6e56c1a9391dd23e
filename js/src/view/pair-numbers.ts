import { conceptKey, type Table } from "../data/table";
import { h, number } from "../dom";
import type { Scope } from "../scope";
import type { Explanation } from "./explanation";
import { decimals } from "./iou";

/** In a comparison: the four numbers of a unit with the concept that both sides are compared in. */
export function pairNumbers(table: Table, key: string, { ranking }: Explanation, scope: Scope): HTMLElement {
  const title = "In mask pixels: of both, of the unit, of the concept; both ÷ (unit + concept − both)";
  const element = h("p.four", { title });
  const count = (value: number | null) => (value === null ? "?" : number(value));
  scope.effect(() => {
    const row = ranking.value?.find(({ concept }) => conceptKey(table, concept) === key);
    element.hidden = !row;
    if (!row) return;
    element.textContent =
      `Both ${count(row.intersection)} · unit ${count(row.activation)} · ` +
      `concept ${count(row.truth)} · IoU ${decimals(row.iou)}`;
  });
  return element;
}
