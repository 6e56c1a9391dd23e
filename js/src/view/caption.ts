import type { Context } from "../context";
import { shortName } from "../data/names";
import { isSilent, type Table, topImages } from "../data/table";
import { known } from "./activations";

/** What an image is: its number in the data set, where it was taken, and how strongly the unit responds. */
export function captionOf({ cache }: Context, table: Table, unit: number, rank: number): string {
  const index = topImages(table, unit)[rank];
  const peak = cache.maps(table, unit)?.maps[rank]?.peak;
  const activation = isSilent(table, unit, rank) ? "silent" : peak === undefined ? "" : known(peak);
  return [`#${index}`, shortName(cache.scene(table, index), "scene"), activation].filter(Boolean).join(" · ");
}

/** The same in words, for those whom the figures tell nothing. */
export function captionTitle({ cache }: Context, table: Table, unit: number, rank: number): string {
  const index = topImages(table, unit)[rank];
  const peak = cache.maps(table, unit)?.maps[rank]?.peak;
  const scene = shortName(cache.scene(table, index), "scene");
  const response = isSilent(table, unit, rank)
    ? "the unit is silent"
    : peak === undefined
      ? ""
      : `activation ${known(peak)}`;
  return [`image ${index}`, scene && `scene: ${scene}`, response].filter(Boolean).join(", ");
}

/** How many of a unit's images are examples of what it responds to; the others, behind them, are silent ones. */
export function examplesOf(table: Table, unit: number): number {
  return topImages(table, unit).filter((index, rank) => index >= 0 && !isSilent(table, unit, rank)).length;
}
