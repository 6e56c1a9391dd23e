import type { MapsReply } from "../protocol";
import { type Table, topImages } from "./table";

/** A raw activation map, or one on the mask grid of its image. */
export interface Field {
  values: Float32Array;
  height: number;
  width: number;
}

/** A map as it was sent; `peak` is that of the map as it was recorded, NaN where that isn't known. */
export interface UnitMap extends Field {
  grid: number[];
  peak: number;
}

/** A unit's raw maps, one per top image. */
export interface UnitMaps {
  images: number[];
  maps: UnitMap[];
  /** Range of all of them, for histograms and heat maps. */
  low: number;
  high: number;
}

/** Whether maps are those of the unit's images: a newer result may have others, or the same of another network. */
export function belongTo(table: Table, unit: number, { images, maps: [{ peak }] }: UnitMaps): boolean {
  return (
    (Number.isNaN(peak) || peak === table.strongest[unit]) &&
    topImages(table, unit).every((index, rank) => index === images[rank])
  );
}

/** Cuts the buffers of a reply, maps and their peaks, by unit. */
export function unpackMaps(reply: MapsReply, [buffer, peaks]: DataView[]): Map<number, UnitMaps> {
  const units = new Map<number, UnitMaps>();
  const top = reply.images.length / reply.units.length;
  let offset = 0;
  reply.units.forEach((unit, place) => {
    const images = reply.images.slice(place * top, (place + 1) * top);
    const maps = images.map((_, rank) => {
      const at = place * top + rank;
      const [height, width] = reply.sizes[at];
      const values = Float32Array.from({ length: height * width }, (_, i) =>
        buffer.getFloat32(offset + 4 * i, true),
      );
      offset += 4 * values.length;
      return { values, height, width, grid: reply.grids[at], peak: peaks.getFloat32(at * 4, true) };
    });
    units.set(unit, { images, maps, ...rangeOf(maps) });
  });
  return units;
}

function rangeOf(maps: Field[]): { low: number; high: number } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { values } of maps) {
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return { low, high };
}
