import { conceptKey } from "../../data/table";
import { kindOf } from "../../draw/colors";
import type { State } from "../../state/state";
import type { Cell } from "../card";
import type { Topic } from "./topic";

export interface Row {
  key: string;
  cells: (Cell | null)[];
  /** In a comparison: the concept of both cells. */
  topic?: Topic;
  /** What else its cells are drawn from: it is drawn anew where that changes. */
  look?: string;
}

export const addressOf = (state: State, { table, unit }: Cell): string => state.address(table, unit);

/** The units of one dissection, so many in a row. */
export function unitRows(state: State, columns: number): Row[] {
  const table = state.table.value;
  const units = state.shown.value;
  const rows: Row[] = [];
  for (let at = 0; at < units.length; at += columns) {
    const cells = units.slice(at, at + columns).map((unit) => ({ table, unit }));
    rows.push({ key: cells.map((cell) => addressOf(state, cell)).join(" "), cells });
  }
  return rows;
}

/** A comparison: a row for each concept, with the best unit of both sides for it. */
export function pairedRows(state: State): Row[] {
  const sides = state.sides.value ?? [];
  const categories = sides.flatMap((table) => table.categories);
  return state.pairs.value.map((pair) => {
    const { key, name, category, units, iou, change, detectors } = pair;
    const kind = kindOf(category, categories);
    const cells = sides.map((table, side) => {
      const unit = units[side];
      if (unit === null) return null;
      const best = table.best[unit];
      const ownLabel = best >= 0 && conceptKey(table, best) !== key ? table.names[best] : "";
      return { table, unit, paired: { kind, iou: iou[side], ownLabel, detects: detectors[side] > 0 } };
    });
    const topic = { name, category, kind, change, detectors };
    return { key, cells, topic, look: `${units} ${detectors}` };
  });
}
