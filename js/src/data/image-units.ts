import { isSilent, type Table, topImages } from "./table";

/** A unit, and the place of an image among its strongest, from 0. */
export interface Firing {
  table: Table;
  unit: number;
  rank: number;
}

const indices = new WeakMap<Table, Map<number, Firing[]>>();

/** For each image that stands in some unit's top list: those units, without those that are silent in it. */
function indexOf(table: Table): Map<number, Firing[]> {
  const known = indices.get(table);
  if (known) return known;
  const index = new Map<number, Firing[]>();
  for (let unit = 0; unit < table.units; unit++) {
    topImages(table, unit).forEach((image, rank) => {
      if (image < 0 || isSilent(table, unit, rank)) return;
      const there = index.get(image) ?? [];
      there.push({ table, unit, rank });
      index.set(image, there);
    });
  }
  indices.set(table, index);
  return index;
}

/** The units that an image is among the strongest of, over all results of its data set: highest place first. */
export function unitsFiringOn(tables: Table[], of: Table, image: number): Firing[] {
  const firing = tables
    .filter(({ photographs }) => photographs === of.photographs)
    .flatMap((table) => indexOf(table).get(image) ?? []);
  return firing.sort((a, b) => a.rank - b.rank || b.table.best_iou[b.unit] - a.table.best_iou[a.unit]);
}

/** The other units of a result with the same best concept, highest IoU first. */
export function sameLabel(table: Table, unit: number): number[] {
  const best = table.best[unit];
  if (best < 0) return [];
  const others = Array.from(table.best.keys()).filter(
    (other) => other !== unit && table.best[other] === best,
  );
  return others.sort((a, b) => table.best_iou[b] - table.best_iou[a]);
}

/** How many of a unit's strongest images are among another's too. */
export interface Overlap {
  unit: number;
  shared: number;
}

/** The other units of a result that share most of a unit's strongest images; those that share one at least. */
export function sharedImages(table: Table, unit: number): Overlap[] {
  const shared = new Map<number, number>();
  topImages(table, unit).forEach((image, rank) => {
    if (image < 0 || isSilent(table, unit, rank)) return;
    for (const { unit: other } of indexOf(table).get(image) ?? [])
      if (other !== unit) shared.set(other, (shared.get(other) ?? 0) + 1);
  });
  return [...shared]
    .map(([other, count]) => ({ unit: other, shared: count }))
    .sort((a, b) => b.shared - a.shared || a.unit - b.unit);
}
