import { signal } from "@preact/signals-core";
import type { Field } from "../draw/overlay";
import { upsample } from "../draw/upsample";
import type { MapsReply, PicturesReply } from "../messages";
import { Lru } from "./lru";
import type { Problem, Source } from "./source";
import { type Table, topImages } from "./table";

/** A unit's raw maps, one per top image. */
export interface UnitMaps {
  images: number[];
  /** `peak` is that of the map as it was recorded; NaN where that isn't known. */
  maps: (Field & { grid: number[]; peak: number })[];
  /** Range of all of them, for histograms and heat maps. */
  low: number;
  high: number;
}

/** One unit that is in view, with the images of its strip or with all. */
export interface Wanted {
  table: Table;
  unit: number;
  all?: boolean;
}

/** How many images a strip shows; an opened unit shows all. */
export const STRIP = 10;

const photograph = (table: { photographs: string }, index: number): string => `${table.photographs}:${index}`;

/** Whether maps are those of the unit's images: a newer result may have others, or the same of another network. */
const fits = ({ images, maps: [{ peak }] }: UnitMaps, table: Table, unit: number): boolean =>
  (Number.isNaN(peak) || peak === table.strongest[unit]) &&
  topImages(table, unit).every((index, rank) => index === images[rank]);

const BATCH = 32;
const FIRST_BATCH = 6;
const AT_ONCE = 2;
// More at once than are kept would push each other out before they are drawn.
const DECODED_AT_ONCE = 64;

/**
 * Pictures and maps for the cards in view. What has come is kept within bounds, what scrolled away
 * before it was asked for is not asked for, and each distinct photograph is asked for once.
 */
export class Library {
  /** Counts arrivals: what draws pictures reads it, and is drawn again. */
  readonly arrivals = signal(0);
  readonly problem = signal<Problem | null>(null);
  readonly #files = new Lru<string, Blob>(6000);
  readonly #bitmaps = new Lru<string, ImageBitmap>(360, (bitmap) => bitmap.close());
  readonly #units = new Lru<string, UnitMaps>(3000);
  readonly #fields = new Lru<object, Field>(400);
  readonly #broken = new Map<string, string>();
  readonly #pending = new Set<string>();
  readonly #views = new Map<object, Wanted[]>();
  readonly #unfitting = new Set<string>();
  #running = 0;
  #decoding = 0;
  /** Whether the connection is lost, until somebody tries again. */
  #cut = false;
  #batches = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly source: Source) {
    source.unasked = ({ key, photographs, maps, pictures }, [buffer, peaks, ...files]) => {
      this.#keepMaps(key, maps, [buffer, peaks]);
      this.#keepPictures({ photographs }, pictures, files);
      this.#announce();
    };
  }

  /** Says what is in one view now, most important first; nothing once the view is gone. */
  want(view: object, wanted: Wanted[]): void {
    if (wanted.length) this.#views.set(view, wanted);
    else this.#views.delete(view);
    this.#unfitting.clear();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#pump(), this.#batches ? 40 : 0);
  }

  /** The decoded photograph, if it is here; otherwise it is decoded, if its file is here. */
  picture(table: Table, index: number): ImageBitmap | null {
    const name = photograph(table, index);
    const bitmap = this.#bitmaps.get(name);
    if (bitmap) return bitmap;
    const file = this.#files.get(name);
    if (file && !this.#pending.has(`decode ${name}`) && this.#decoding < DECODED_AT_ONCE) {
      this.#decoding++;
      this.#pending.add(`decode ${name}`);
      createImageBitmap(file)
        .then(
          (decoded) => this.#bitmaps.set(name, decoded),
          () => this.#broken.set(name, `Image ${index} can't be decoded.`),
        )
        .finally(() => {
          this.#decoding--;
          this.#pending.delete(`decode ${name}`);
          this.#announce();
        });
    }
    return null;
  }

  /** Why an image of a unit will not come; empty if nothing is known against it. */
  problemOf(table: Table, unit: number, index: number): string {
    const broken = this.#broken;
    return broken.get(photograph(table, index)) ?? broken.get(`maps ${table.key}:${unit}`) ?? "";
  }

  maps(table: Table, unit: number): UnitMaps | undefined {
    const held = this.#units.get(`${table.key}:${unit}`);
    return held && fits(held, table, unit) ? held : undefined;
  }

  /** The unit's activation in its image number `rank`, on the mask grid. */
  field(table: Table, unit: number, rank: number): Field | null {
    const map = this.maps(table, unit)?.maps[rank];
    if (!map?.height) return null;
    const held = this.#fields.get(map);
    if (held) return held;
    const [height, width] = map.grid;
    const field = { values: upsample(map.values, map.height, map.width, height, width), height, width };
    this.#fields.set(map, field);
    return field;
  }

  retry(): void {
    this.problem.value = null;
    this.#cut = false;
    this.#broken.clear();
    this.#units.clear();
    this.#fields.clear();
    this.#announce();
    this.#pump();
  }

  #announced = false;

  /** Several arrivals in one frame are one. */
  #announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    requestAnimationFrame(() => {
      this.#announced = false;
      this.arrivals.value++;
    });
  }

  #pump(): void {
    while (!this.#cut && this.#running < AT_ONCE) {
      const wanted = [...this.#views.values()].flat().filter((one) => this.#lacks(one));
      if (!wanted.length) return;
      const [first] = wanted;
      const most = this.#batches++ ? BATCH : FIRST_BATCH;
      const batch = wanted.filter(({ table }) => table.key === first.table.key).slice(0, most);
      this.#running++;
      this.#fetch(first.table, batch)
        .catch((error) => {
          this.problem.value = error;
        })
        .finally(() => {
          this.#running--;
          this.#announce();
          this.#pump();
        });
    }
  }

  #lacks(wanted: Wanted): boolean {
    return this.#lacksMaps(wanted.table, wanted.unit) || this.#lackingImages(wanted).length > 0;
  }

  #lacksMaps(table: Table, unit: number): boolean {
    const asked = `maps ${table.key}:${unit}`;
    return (
      table.top > 0 &&
      !this.maps(table, unit) &&
      !this.#pending.has(asked) &&
      !this.#broken.has(asked) &&
      !this.#unfitting.has(asked)
    );
  }

  #lackingImages({ table, unit, all }: Wanted): number[] {
    if (table.note) return [];
    return [...topImages(table, unit)].slice(0, all ? table.top : STRIP).filter((index) => {
      const name = photograph(table, index);
      return index >= 0 && !this.#files.has(name) && !this.#broken.has(name) && !this.#pending.has(name);
    });
  }

  #keepMaps(key: string, reply: MapsReply, buffers: DataView[]): void {
    for (const [unit, maps] of unpackMaps(reply, buffers)) this.#units.set(`${key}:${unit}`, maps);
  }

  #keepPictures(of: { photographs: string }, reply: PicturesReply, files: DataView[]): void {
    reply.images.forEach((index, place) => {
      const name = photograph(of, index);
      if (reply.problems[place]) this.#broken.set(name, reply.problems[place]);
      else
        this.#files.set(
          name,
          new Blob([files[place] as DataView<ArrayBuffer>], { type: reply.types[place] }),
        );
    });
  }

  async #fetch(table: Table, wanted: Wanted[]): Promise<void> {
    const key = table.key;
    const lacking = wanted.map(({ unit }) => unit).filter((unit) => this.#lacksMaps(table, unit));
    const images = [...new Set(wanted.flatMap((one) => this.#lackingImages(one)))];
    const names = [
      ...lacking.map((unit) => `maps ${key}:${unit}`),
      ...images.map((index) => photograph(table, index)),
    ];
    for (const name of names) this.#pending.add(name);
    try {
      await Promise.all([
        lacking.length &&
          this.source.ask<"maps">({ kind: "maps", key, units: lacking }).then(({ reply, buffers }) => {
            this.#keepMaps(key, reply, buffers);
            reply.images.forEach((index, at) => {
              if (reply.problems[at]) this.#broken.set(photograph(table, index), reply.problems[at]);
            });
            // The kernel has a newer result already: its table is on the way, and asks again.
            for (const unit of lacking)
              if (!this.maps(table, unit)) this.#unfitting.add(`maps ${key}:${unit}`);
          }),
        images.length &&
          this.source.ask<"pictures">({ kind: "pictures", key, images }).then(({ reply, buffers }) => {
            this.#keepPictures(table, reply, buffers);
          }),
      ]);
    } catch (error) {
      // A refusal concerns what was asked for; without a connection there's no use in asking on.
      this.#cut ||= (error as Problem).cut !== false;
      for (const name of names) this.#broken.set(name, (error as Error).message);
      throw error;
    } finally {
      for (const name of names) this.#pending.delete(name);
    }
  }
}

const libraries = new WeakMap<Source, Library>();

/** The library of a source: one for all views of a gallery. */
export function libraryOf(source: Source): Library {
  const library = libraries.get(source) ?? new Library(source);
  libraries.set(source, library);
  return library;
}

/** Cuts the buffers of a reply, maps and their peaks, by unit. */
export function unpackMaps(reply: MapsReply, [buffer, peaks]: DataView[]): Map<number, UnitMaps> {
  const units = new Map<number, UnitMaps>();
  const top = reply.images.length / reply.units.length;
  let offset = 0;
  reply.units.forEach((unit, place) => {
    const first = place * top;
    const images = reply.images.slice(first, first + top);
    const entry: UnitMaps = {
      images,
      maps: [],
      low: Number.POSITIVE_INFINITY,
      high: Number.NEGATIVE_INFINITY,
    };
    images.forEach((_, rank) => {
      const at = first + rank;
      const [height, width] = reply.sizes[at];
      const values = new Float32Array(height * width);
      for (let i = 0; i < values.length; i++, offset += 4) {
        const value = buffer.getFloat32(offset, true);
        values[i] = value;
        if (value < entry.low) entry.low = value;
        if (value > entry.high) entry.high = value;
      }
      entry.maps.push({ values, height, width, grid: reply.grids[at], peak: peaks.getFloat32(at * 4, true) });
    });
    units.set(unit, entry);
  });
  return units;
}
