import type { Context } from "../context";
import { type Table, topImages } from "../data/table";
import { newCanvas, type Scene } from "../draw/overlay";
import { thresholdAt } from "./threshold";

/** In the place of images that are not at hand. */
let blank: HTMLCanvasElement | undefined;

/** What to draw for a unit's image number `rank`; null while it hasn't arrived. */
export function sceneOf({ state, cache }: Context, table: Table, unit: number, rank: number): Scene | null {
  const index = topImages(table, unit)[rank];
  if (index === undefined || index < 0) return null;
  if (table.note) blank ??= newCanvas(8, 8);
  const image = table.note ? blank : cache.image(table, index);
  const maps = cache.maps(table, unit);
  if (!image || !maps) return null;
  return {
    image,
    field: cache.field(table, unit, rank),
    overlay: table.note ? "heat" : state.synced.overlay.value,
    threshold: thresholdAt(table, unit, maps, state.local.level.value),
    low: maps.low,
    high: maps.high,
    dense: density(),
  };
}

/** Pixels of a canvas per pixel of the page: sharp on dense screens, bounded in memory. */
export const density = (): number => Math.min(2, Math.max(1, devicePixelRatio));
