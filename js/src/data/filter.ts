import type { GalleryState, Sort } from "../state/gallery-state";
import { categoryOf, isDetector, type Table } from "./table";

/** What to show: the same rules as nbdissect/display/filtering.py. */
export interface Filter
  extends Pick<GalleryState, "query" | "min_iou" | "only" | "category" | "concept" | "sort"> {
  /** Units to choose from, null = all. */
  chosen: GalleryState["_chosen"];
}

/** The units that pass the filter, in order. */
export function shownUnits(table: Table, filter: Filter): number[] {
  const words = wordsOf(filter.query);
  const address = filter.query.trim().toLowerCase(); // as it was copied: a name may have spaces in it
  const chosen = filter.chosen && new Set(filter.chosen);
  const units: number[] = [];
  for (let unit = 0; unit < table.units; unit++) {
    if (chosen && !chosen.has(unit)) continue;
    if (filter.only !== "all" && isDetector(table, unit, filter.min_iou) !== (filter.only === "detectors"))
      continue;
    if (!isAbout(table, unit, filter)) continue;
    if (address === addressOf(table, unit) || words.every((word) => matchesUnit(table, unit, word)))
      units.push(unit);
  }
  return units.sort(order(table, filter.sort));
}

function isAbout(table: Table, unit: number, filter: Filter): boolean {
  if (!filter.category.length && filter.concept === null) return true;
  const best = table.best[unit];
  if (best < 0) return false;
  if (filter.category.length && !filter.category.includes(categoryOf(table, best))) return false;
  return filter.concept === null || table.numbers[best] === filter.concept;
}

const addressOf = (table: Table, unit: number): string => `${table.key.toLowerCase()}:${unit}`;

function matchesUnit(table: Table, unit: number, word: string): boolean {
  if (word === String(unit) || word === addressOf(table, unit)) return true;
  return (
    table.best[unit] >= 0 &&
    matchesWord(table.names[table.best[unit]], categoryOf(table, table.best[unit]), word)
  );
}

/** The words of a query. */
export const wordsOf = (query: string): string[] => query.toLowerCase().split(/\s+/).filter(Boolean);

/** Whether a word occurs in the name or category of a concept. */
export const matchesWord = (name: string, category: string, word: string): boolean =>
  `${name} ${category}`.toLowerCase().includes(word);

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
  const name = (unit: number) => table.names[table.best[unit]].toLowerCase();
  return (a, b) => {
    if (table.best[a] < 0 || table.best[b] < 0) return table.best[b] - table.best[a] || byIou(a, b);
    const [first, second] = [name(a), name(b)];
    return first < second ? -1 : first > second ? 1 : byIou(a, b);
  };
}
