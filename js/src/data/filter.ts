import type { GalleryState, Sort } from "../state/gallery-state";
import { findsUnit, searchOf } from "./search";
import { categoryOf, isDetector, type Table } from "./table";

/** What to show: the same rules as nbdissect/display/filtering.py. */
export interface Filter
  extends Pick<GalleryState, "query" | "min_iou" | "only" | "category" | "concept" | "sort"> {
  /** Units to choose from, null = all. */
  chosen: GalleryState["_chosen"];
}

/** The units that pass the filter, in order. */
export function shownUnits(table: Table, filter: Filter): number[] {
  return ordered(
    table,
    foundUnits(table, filter).filter((unit) => isAbout(table, unit, filter)),
    filter.sort,
  );
}

/** The units that are found and pass the cut, whatever their category and concept. */
export function foundUnits(table: Table, filter: Omit<Filter, "category" | "concept" | "sort">): number[] {
  const search = searchOf(filter.query);
  const chosen = filter.chosen && new Set(filter.chosen);
  const units: number[] = [];
  for (let unit = 0; unit < table.units; unit++) {
    if (chosen && !chosen.has(unit)) continue;
    if (filter.only !== "all" && isDetector(table, unit, filter.min_iou) !== (filter.only === "detectors"))
      continue;
    if (findsUnit(search, unit, `${table.key}:${unit}`, aboutUnit(table, unit))) units.push(unit);
  }
  return units;
}

/** Whether a unit's best concept is of the categories, and the concept, that are filtered by. */
export function isAbout(table: Table, unit: number, filter: Pick<Filter, "category" | "concept">): boolean {
  if (!filter.category.length && filter.concept === null) return true;
  const best = table.best[unit];
  if (best < 0) return false;
  if (filter.category.length && !filter.category.includes(categoryOf(table, best))) return false;
  return filter.concept === null || table.numbers[best] === filter.concept;
}

/** Name and category of a unit's best concept, as the search looks through them. */
const aboutUnit = (table: Table, unit: number): string =>
  table.best[unit] < 0 ? "" : `${table.fullNames[table.best[unit]]} ${categoryOf(table, table.best[unit])}`;

/** Units in the order in which they are shown. */
export const ordered = (table: Table, units: number[], sort: Sort): number[] =>
  units.sort(order(table, sort));

function order(table: Table, sort: Sort): (a: number, b: number) => number {
  const byUnit = (a: number, b: number) => a - b;
  const byIou = (a: number, b: number) => table.best_iou[b] - table.best_iou[a] || a - b;
  if (sort === "unit") return byUnit;
  if (sort === "iou") return byIou;
  if (sort === "activation") {
    const strength = (unit: number) =>
      Number.isNaN(table.strongest[unit]) ? Number.NEGATIVE_INFINITY : table.strongest[unit];
    return (a, b) => (strength(a) === strength(b) ? a - b : strength(b) - strength(a));
  }
  const name = (unit: number) => table.fullNames[table.best[unit]].toLowerCase();
  return (a, b) => {
    if (table.best[a] < 0 || table.best[b] < 0) return table.best[b] - table.best[a] || byIou(a, b);
    const [first, second] = [name(a), name(b)];
    return first < second ? -1 : first > second ? 1 : byIou(a, b);
  };
}
