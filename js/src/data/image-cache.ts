import { signal } from "@preact/signals-core";
import { upsample } from "../draw/upsample";
import type { MapsReply, PicturesReply } from "../protocol";
import { encoded } from "./decode";
import { Lru } from "./lru";
import type { Problem, Source } from "./source";
import { type Table, topImages } from "./table";
import { belongTo, type Field, type UnitMaps, unpackMaps } from "./unit-maps";

/** A unit that is in view, with the images of its strip or with all. */
export interface UnitInView {
  table: Table;
  unit: number;
  all?: boolean;
  /** How many of its images a strip has room for. */
  shown?: number;
}

/** An image as it came: what its bytes are, and once it was printed the address that holds them. */
interface ImageFile {
  bytes: DataView<ArrayBuffer>;
  type: string;
  address?: string;
}

/** How many images a strip shows at most; an opened unit shows all. */
export const STRIP = 10;

/** Units in one request; few in the first one, so that something is seen soon. */
const BATCH = 32;
const FIRST_BATCH = 6;
const REQUESTS_AT_ONCE = 2;
/** Milliseconds without scrolling until what is in view is asked for. */
const SCROLLING = 40;
// What is kept of what scrolled away: images, which units share, and the maps of the last twenty screens.
const [FILES, UNITS] = [2500, 64];
// More at once than are kept would push each other out before they are drawn.
const DECODED_AT_ONCE = 64;

const imageName = (table: { photographs: string }, index: number): string => `${table.photographs}:${index}`;
const unitName = (key: string, unit: number): string => `${key}:${unit}`;
const mapsName = (key: string, unit: number): string => `maps ${key}:${unit}`;

/**
 * Images and maps for the cards in view. What has come is kept within bounds, what scrolled away
 * before it was asked for is not asked for, and each distinct image is asked for once.
 */
export class ImageCache {
  /** Counts arrivals: what draws images reads it, and is drawn again. */
  readonly arrivals = signal(0);
  readonly problem = signal<Problem | null>(null);
  readonly #files = new Lru<string, ImageFile>(FILES);
  readonly #bitmaps = new Lru<string, ImageBitmap>(360, (bitmap) => bitmap.close());
  readonly #photographs = new Lru<string, ImageBitmap>(8, (bitmap) => bitmap.close());
  readonly #units = new Lru<string, UnitMaps>(UNITS);
  readonly #fields = new Lru<object, Field>(400);
  readonly #scenes = new Map<string, string>();
  /** Why something will not come, by its name. */
  readonly #broken = new Map<string, string>();
  readonly #pending = new Set<string>();
  readonly #views = new Map<object, UnitInView[]>();
  /** Maps that came for a result newer than the table that is here. */
  readonly #ahead = new Set<string>();
  readonly #source: Source;
  #arrived = false;
  #requests = 0;
  #batches = 0;
  #decoding = 0;
  /** Whether the connection is lost, until somebody tries again. */
  #disconnected = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(source: Source) {
    this.#source = source;
    source.onPush = ({ key, photographs, maps, pictures }, [values, peaks, ...files]) => {
      this.#keepMaps(key, maps, [values, peaks]);
      this.#keepImages({ photographs }, pictures, files);
      this.#noteArrival();
    };
  }

  /** Tells what is in one view now, most important first; nothing once the view is gone. */
  setInView(view: object, units: UnitInView[]): void {
    if (units.length) this.#views.set(view, units);
    else this.#views.delete(view);
    // Never less than is in view, which on paper is a lot: it would be asked for again and again.
    const seen = [...this.#views.values()].reduce((sum, { length }) => sum + length, 0);
    this.#units.most = Math.max(UNITS, 2 * seen);
    this.#files.most = Math.max(FILES, 2 * STRIP * seen);
    this.#ahead.clear();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fetchMore(), this.#batches ? SCROLLING : 0);
  }

  /** The decoded image, if it is here; otherwise it is decoded, if its file is here. */
  image(table: Table, index: number): ImageBitmap | null {
    const name = imageName(table, index);
    const bitmap = this.#bitmaps.get(name);
    if (bitmap) return bitmap;
    const file = this.#files.get(name);
    if (file) this.#decode(name, index, file);
    return null;
  }

  /** An address that holds the image itself: what has it is drawn without waiting. */
  address(table: Table, index: number): string {
    const file = this.#files.get(imageName(table, index));
    if (!file) return "";
    const { buffer, byteOffset, byteLength } = file.bytes;
    file.address ??= `data:${file.type};base64,${encoded(new Uint8Array(buffer, byteOffset, byteLength))}`;
    return file.address;
  }

  /** Takes at once what the page itself carries of a unit. */
  takeNow(table: Table, unit: number): void {
    const maps = this.maps(table, unit) ? undefined : this.#source.mapsNow?.(table.key, [unit]);
    if (maps) this.#keepMaps(table.key, maps.reply, maps.buffers);
    const lacking = this.#lackingImages({ table, unit });
    const pictures = lacking.length ? this.#source.picturesNow?.(table.key, lacking) : undefined;
    if (pictures) this.#keepImages(table, pictures.reply, pictures.buffers);
  }

  /** The image at its own resolution, if it is here; otherwise it is asked for. */
  photograph(table: Table, index: number): ImageBitmap | null {
    const name = imageName(table, index);
    const task = `photograph ${name}`;
    const known = this.#photographs.get(name);
    if (known || this.#pending.has(task) || this.#broken.has(task)) return known ?? null;
    this.#pending.add(task);
    this.#source
      .ask<"photograph">({ kind: "photograph", key: table.key, image: index })
      .then(({ reply, buffers: [file] }) =>
        createImageBitmap(new Blob([file as DataView<ArrayBuffer>], { type: reply.type })),
      )
      .then(
        (bitmap) => this.#photographs.set(name, bitmap),
        (error) => this.#broken.set(task, error.message), // the small one stays
      )
      .finally(() => {
        this.#pending.delete(task);
        this.#noteArrival();
      });
    return null;
  }

  /** Why an image of a unit will not come; empty if nothing is known against it. */
  problemOf(table: Table, unit: number, index: number): string {
    return this.#broken.get(imageName(table, index)) ?? this.#broken.get(mapsName(table.key, unit)) ?? "";
  }

  /** Where an image was taken; empty where the data set doesn't say so, or it hasn't come. */
  scene(table: Table, index: number): string {
    return this.#scenes.get(imageName(table, index)) ?? "";
  }

  maps(table: Table, unit: number): UnitMaps | undefined {
    const maps = this.#units.get(unitName(table.key, unit));
    return maps && belongTo(table, unit, maps) ? maps : undefined;
  }

  /** The unit's activation in its image number `rank`, on the mask grid. */
  field(table: Table, unit: number, rank: number): Field | null {
    const map = this.maps(table, unit)?.maps[rank];
    if (!map?.height) return null;
    const known = this.#fields.get(map);
    if (known) return known;
    const [height, width] = map.grid;
    const values = upsample(map.values, map.height, map.width, height, width, table.field);
    const field = { values, height, width };
    this.#fields.set(map, field);
    return field;
  }

  retry(): void {
    this.problem.value = null;
    this.#disconnected = false;
    this.#broken.clear();
    this.#units.clear();
    this.#fields.clear();
    this.#noteArrival();
    this.#fetchMore();
  }

  /** Several arrivals in one frame are one. */
  #noteArrival(): void {
    if (this.#arrived) return;
    this.#arrived = true;
    requestAnimationFrame(() => {
      this.#arrived = false;
      this.arrivals.value++;
    });
  }

  #decode(name: string, index: number, { bytes, type }: ImageFile): void {
    const task = `decode ${name}`;
    if (this.#pending.has(task) || this.#decoding >= DECODED_AT_ONCE) return;
    this.#decoding++;
    this.#pending.add(task);
    createImageBitmap(new Blob([bytes], { type }))
      .then(
        (bitmap) => this.#bitmaps.set(name, bitmap),
        () => this.#broken.set(name, `Image ${index} can't be decoded.`),
      )
      .finally(() => {
        this.#decoding--;
        this.#pending.delete(task);
        this.#noteArrival();
      });
  }

  #lacksMaps(table: Table, unit: number): boolean {
    const name = mapsName(table.key, unit);
    return (
      table.top > 0 &&
      !this.maps(table, unit) &&
      !this.#pending.has(name) &&
      !this.#broken.has(name) &&
      !this.#ahead.has(name)
    );
  }

  #lackingImages({ table, unit, all, shown = STRIP }: UnitInView): number[] {
    if (table.note) return [];
    return [...topImages(table, unit)].slice(0, all ? table.top : shown).filter((index) => {
      const name = imageName(table, index);
      return index >= 0 && !this.#files.has(name) && !this.#broken.has(name) && !this.#pending.has(name);
    });
  }

  #lacks(one: UnitInView): boolean {
    return this.#lacksMaps(one.table, one.unit) || this.#lackingImages(one).length > 0;
  }

  /** Asks for what is in view and not here, as much as may be asked at once. */
  #fetchMore(): void {
    while (!this.#disconnected && this.#requests < REQUESTS_AT_ONCE) {
      const lacking = [...this.#views.values()].flat().filter((one) => this.#lacks(one));
      if (!lacking.length) return;
      const [{ table }] = lacking;
      const most = this.#batches++ ? BATCH : FIRST_BATCH;
      const batch = lacking.filter((one) => one.table.key === table.key).slice(0, most);
      this.#requests++;
      this.#fetch(table, batch)
        .catch((error) => {
          this.problem.value = error;
        })
        .finally(() => {
          this.#requests--;
          this.#noteArrival();
          this.#fetchMore();
        });
    }
  }

  async #fetch(table: Table, batch: UnitInView[]): Promise<void> {
    const units = batch.map(({ unit }) => unit).filter((unit) => this.#lacksMaps(table, unit));
    const images = [...new Set(batch.flatMap((one) => this.#lackingImages(one)))];
    const names = [
      ...units.map((unit) => mapsName(table.key, unit)),
      ...images.map((index) => imageName(table, index)),
    ];
    for (const name of names) this.#pending.add(name);
    try {
      await Promise.all([
        units.length && this.#fetchMaps(table, units),
        images.length && this.#fetchImages(table, images),
      ]);
    } catch (error) {
      // A refusal concerns what was asked for; without a connection there's no use in asking on.
      this.#disconnected ||= (error as Problem).disconnected !== false;
      for (const name of names) this.#broken.set(name, (error as Error).message);
      throw error;
    } finally {
      for (const name of names) this.#pending.delete(name);
    }
  }

  async #fetchMaps(table: Table, units: number[]): Promise<void> {
    const { reply, buffers } = await this.#source.ask<"maps">({ kind: "maps", key: table.key, units });
    this.#keepMaps(table.key, reply, buffers);
    reply.images.forEach((index, at) => {
      if (reply.problems[at]) this.#broken.set(imageName(table, index), reply.problems[at]);
    });
    // The kernel has a newer result already: its table is on the way, and asks again.
    for (const unit of units) if (!this.maps(table, unit)) this.#ahead.add(mapsName(table.key, unit));
  }

  async #fetchImages(table: Table, images: number[]): Promise<void> {
    const question = { kind: "pictures", key: table.key, images } as const;
    const { reply, buffers } = await this.#source.ask<"pictures">(question);
    this.#keepImages(table, reply, buffers);
  }

  #keepMaps(key: string, reply: MapsReply, buffers: DataView[]): void {
    for (const [unit, maps] of unpackMaps(reply, buffers)) this.#units.set(unitName(key, unit), maps);
  }

  #keepImages(of: { photographs: string }, reply: PicturesReply, files: DataView[]): void {
    reply.images.forEach((index, at) => {
      const name = imageName(of, index);
      if (reply.problems[at]) {
        this.#broken.set(name, reply.problems[at]);
        return;
      }
      if (reply.scenes[at]) this.#scenes.set(name, reply.scenes[at]);
      this.#files.set(name, { bytes: files[at] as DataView<ArrayBuffer>, type: reply.types[at] });
    });
  }
}

const caches = new WeakMap<Source, ImageCache>();

/** The cache of a source: one for all views of a gallery. */
export function imageCacheOf(source: Source): ImageCache {
  const cache = caches.get(source) ?? new ImageCache(source);
  caches.set(source, cache);
  return cache;
}
