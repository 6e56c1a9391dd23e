import type { EmbeddedDissection, LabelsReply, MapsReply, RankedConcept, WireArray } from "../protocol";
import { decodeArray } from "./arrays";
import { inflated, joined, startsOf, unpackBits } from "./decode";
import { type Answer, Problem } from "./source";

/** Values of one ranked concept in `ranked_values`. */
const VALUES = 5;

/** Where one concept is in one image: the grid of its mask, the place of its bits, whether it was counted. */
interface Mask {
  height: number;
  width: number;
  start: number;
  carried: boolean;
}

/** What a page holds of one dissection beside its table: maps, masks and rankings, unpacked when asked for. */
export class PackedDissection {
  /** Place of a unit among those whose maps are here. */
  readonly #places: Map<number, number>;
  readonly #sizes: Int32Array;
  readonly #grids: Int32Array;
  readonly #peaks: Float32Array;
  readonly #masks: Map<string, Mask>;
  readonly #ranked: Int32Array;
  readonly #rankedValues: Float64Array;
  readonly #rankingStarts: number[];
  readonly #topImages: Int32Array;
  readonly #top: number;
  readonly #packed: EmbeddedDissection;
  #mapBytes: Promise<Uint8Array> | undefined;
  /** The same, once they are unpacked. */
  #unpacked: Uint8Array | undefined;
  #mapStarts: number[] | undefined;
  #maskBytes: Promise<ArrayBuffer> | undefined;

  constructor(packed: EmbeddedDissection, parts: Map<string, WireArray>) {
    const part = (name: string) => decodeArray(parts.get(name) as WireArray);
    const ints = (name: string) => part(name) as Int32Array;
    this.#packed = packed;
    this.#top = packed.table.top;
    this.#topImages = ints("top_images");
    this.#places = new Map([...ints("mapped")].map((unit, place) => [unit, place]));
    this.#sizes = ints("sizes");
    this.#grids = ints("grids");
    this.#peaks = part("peaks") as Float32Array;
    this.#masks = masksOf(ints("pairs"), ints("carried"));
    this.#ranked = ints("ranked");
    this.#rankedValues = part("ranked_values") as Float64Array;
    this.#rankingStarts = startsOf(ints("ranked_counts"));
  }

  /** The images of a unit that are in the page, strongest first; -1 = none. */
  topImages(unit: number): number[] {
    return [...this.#topImages.subarray(unit * this.#top, (unit + 1) * this.#top)];
  }

  evidence(unit: number): string {
    return this.#packed.evidence[unit] ?? "";
  }

  ranking(unit: number): RankedConcept[] {
    const rows: RankedConcept[] = [];
    for (let at = this.#rankingStarts[unit]; at < this.#rankingStarts[unit + 1]; at++) {
      const [iou, ...rest] = this.#rankedValues.subarray(at * VALUES, (at + 1) * VALUES);
      const [intersection, activation, truth, ceiling] = rest.map((value) =>
        Number.isNaN(value) ? null : value,
      );
      rows.push({ concept: this.#ranked[at], iou, intersection, activation, truth, ceiling });
    }
    return rows;
  }

  async maps(units: number[]): Promise<Answer<MapsReply>> {
    this.#mapBytes ??= inflated(this.#packed.maps).then((bytes) => {
      this.#unpacked = new Uint8Array(bytes);
      return this.#unpacked;
    });
    return this.#mapsIn(await this.#mapBytes, units);
  }

  /** The same, if somebody has asked before. */
  mapsNow(units: number[]): Answer<MapsReply> | undefined {
    return this.#unpacked && this.#mapsIn(this.#unpacked, units);
  }

  #mapsIn(all: Uint8Array, units: number[]): Answer<MapsReply> {
    const count = this.#sizes.length / 2;
    this.#mapStarts ??= startsOf(Array.from({ length: count }, (_, at) => this.#pixels(at) * 4));
    const starts = this.#mapStarts;
    // Places of the maps asked for; undefined where the unit was left out.
    const places = units.flatMap((unit) => {
      const place = this.#places.get(unit);
      return Array.from({ length: this.#top }, (_, rank) =>
        place === undefined ? undefined : place * this.#top + rank,
      );
    });
    const pair = (of: Int32Array, at: number | undefined) =>
      at === undefined ? [0, 0] : [...of.subarray(at * 2, at * 2 + 2)];
    const peaks = places.map((at) => (at === undefined ? Number.NaN : this.#peaks[at]));
    const pieces = places.flatMap((at) =>
      at === undefined ? [] : [all.subarray(starts[at], starts[at + 1])],
    );
    return {
      reply: {
        kind: "maps",
        id: "",
        units,
        images: units.flatMap((unit) => this.topImages(unit)),
        sizes: places.map((at) => pair(this.#sizes, at)),
        grids: places.map((at) => pair(this.#grids, at)),
        problems: places.map(() => ""),
      },
      buffers: [joined(pieces), new DataView(Float32Array.from(peaks).buffer)],
    };
  }

  /** Whether it holds where a concept is, in all images of a unit. */
  explains(unit: number, concept: number): boolean {
    const images = this.topImages(unit).filter((image) => image >= 0);
    return images.length > 0 && images.every((image) => this.#masks.has(maskName(image, concept)));
  }

  async labels(unit: number, concept: number): Promise<Answer<LabelsReply>> {
    this.#maskBytes ??= inflated(this.#packed.masks);
    const bits = new Uint8Array(await this.#maskBytes);
    const masks = this.topImages(unit).map((image) => (image < 0 ? null : this.#mask(image, concept)));
    const pieces = masks.map((mask) =>
      mask ? unpackBits(bits.subarray(mask.start), mask.height * mask.width) : new Uint8Array(),
    );
    return {
      reply: {
        kind: "labels",
        id: "",
        grids: masks.map((mask) => (mask ? [mask.height, mask.width] : [0, 0])),
        carries: masks.map((mask) => !!mask?.carried),
        problems: masks.map(() => ""),
      },
      buffers: [joined(pieces)],
    };
  }

  #pixels(at: number): number {
    return this.#sizes[at * 2] * this.#sizes[at * 2 + 1];
  }

  #mask(image: number, concept: number): Mask {
    const mask = this.#masks.get(maskName(image, concept));
    if (mask) return mask;
    throw new Problem(
      "This page doesn't hold where that concept is, only where the units' best ones are.",
      "A gallery with a kernel shows it: d.gallery().",
    );
  }
}

const maskName = (image: number, concept: number): string => `${image}:${concept}`;

/** The masks of a page, by image and concept; `pairs` are image, concept, height and width of each. */
function masksOf(pairs: Int32Array, carried: Int32Array): Map<string, Mask> {
  const masks = new Map<string, Mask>();
  let start = 0;
  carried.forEach((carries, at) => {
    const [image, concept, height, width] = pairs.subarray(at * 4, at * 4 + 4);
    masks.set(maskName(image, concept), { height, width, start, carried: carries > 0 });
    start += Math.ceil((height * width) / 8);
  });
  return masks;
}
