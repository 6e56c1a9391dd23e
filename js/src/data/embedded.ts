import type {
  EmbeddedAlbum,
  EmbeddedDissection,
  EmbeddedGallery,
  LabelsReply,
  MapsReply,
  PicturesReply,
  RankedConcept,
  UnitReply,
} from "../messages";
import type { Model } from "../state";
import { type Answer, Problem, type Question, type ReplyTo, type Source } from "./source";

const VERSION = 1;

/** Bytes of base64, or of the piece of it that holds `count` bytes from byte `start`, a multiple of three. */
export function decoded(text: string, start = 0, count = Number.POSITIVE_INFINITY): Uint8Array<ArrayBuffer> {
  const from = (start / 3) * 4;
  const letters = atob(text.slice(from, from + Math.ceil(count / 3) * 4));
  const bytes = new Uint8Array(Math.min(count, letters.length));
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

/** Bytes that were deflated (zlib) and written as base64. */
export async function inflated(text: string): Promise<ArrayBuffer> {
  const stream = new Blob([decoded(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/** Slices of a buffer, by name. */
function slices(gallery: EmbeddedDissection, buffer: ArrayBuffer): Map<string, ArrayBuffer> {
  const parts = new Map<string, ArrayBuffer>();
  let at = 0;
  for (const { name, bytes } of gallery.parts) {
    parts.set(name, buffer.slice(at, at + bytes));
    at += bytes;
  }
  return parts;
}

/** What a page holds of one dissection beside its table. */
class Holding {
  readonly #place = new Map<number, number>();
  readonly #sizes: Int32Array;
  readonly #grids: Int32Array;
  readonly #peaks: Float32Array;
  readonly #pairs: Int32Array;
  readonly #carried: Int32Array;
  readonly #ranked: Int32Array;
  readonly #values: Float64Array;
  readonly #starts: number[] = [0];
  readonly top: number;
  #maps: Promise<ArrayBuffer> | undefined;
  #masks: Promise<ArrayBuffer> | undefined;

  constructor(
    private readonly packed: EmbeddedDissection,
    parts: Map<string, ArrayBuffer>,
    readonly album: EmbeddedAlbum | undefined,
  ) {
    const ints = (name: string) => new Int32Array(parts.get(name) ?? new ArrayBuffer(0));
    this.top = packed.table.top;
    ints("mapped").forEach((unit, place) => {
      this.#place.set(unit, place);
    });
    this.#sizes = ints("sizes");
    this.#grids = ints("grids");
    this.#peaks = new Float32Array(parts.get("peaks") ?? new ArrayBuffer(0));
    this.#pairs = ints("pairs");
    this.#carried = ints("carried");
    this.#ranked = ints("ranked");
    this.#values = new Float64Array(parts.get("ranked_values") ?? new ArrayBuffer(0));
    for (const count of ints("ranked_counts")) this.#starts.push((this.#starts.at(-1) ?? 0) + count);
  }

  ranking(unit: number): RankedConcept[] {
    const rows: RankedConcept[] = [];
    for (let at = this.#starts[unit]; at < this.#starts[unit + 1]; at++) {
      const [iou, ...rest] = this.#values.subarray(at * 5, at * 5 + 5);
      const [intersection, activation, truth, ceiling] = rest.map((value) =>
        Number.isNaN(value) ? null : value,
      );
      rows.push({ concept: this.#ranked[at], iou, intersection, activation, truth, ceiling });
    }
    return rows;
  }

  /** Place of the first map of a unit among all maps; none where the unit was left out. */
  #first(unit: number): number | undefined {
    const place = this.#place.get(unit);
    return place === undefined ? undefined : place * this.top;
  }

  async maps(units: number[], images: number[]): Promise<Answer<MapsReply>> {
    this.#maps ??= inflated(this.packed.maps);
    const all = new Uint8Array(await this.#maps);
    const starts = [0];
    for (let i = 0; i < this.#sizes.length; i += 2)
      starts.push((starts.at(-1) ?? 0) + this.#sizes[i] * this.#sizes[i + 1] * 4);
    const sizes: number[][] = [];
    const grids: number[][] = [];
    const pieces: Uint8Array[] = [];
    const peaks: number[] = [];
    for (const unit of units) {
      const first = this.#first(unit);
      for (let rank = 0; rank < this.top; rank++) {
        const at = (first ?? 0) + rank;
        sizes.push(first === undefined ? [0, 0] : [...this.#sizes.subarray(at * 2, at * 2 + 2)]);
        grids.push(first === undefined ? [0, 0] : [...this.#grids.subarray(at * 2, at * 2 + 2)]);
        peaks.push(first === undefined ? Number.NaN : this.#peaks[at]);
        if (first !== undefined) pieces.push(all.subarray(starts[at], starts[at + 1]));
      }
    }
    return {
      reply: { kind: "maps", id: "", units, images, sizes, grids, problems: sizes.map(() => "") },
      buffers: [joined(pieces), new DataView(Float32Array.from(peaks).buffer)],
    };
  }

  #pairsOf(concept: number): Map<number, number> {
    const pairs = new Map<number, number>();
    for (let at = 0; at < this.#pairs.length; at += 4)
      if (this.#pairs[at + 1] === concept) pairs.set(this.#pairs[at], at);
    return pairs;
  }

  /** Whether it holds where a concept is, in all of these images. */
  explains(images: number[], concept: number): boolean {
    const pairs = this.#pairsOf(concept);
    return images.length > 0 && images.every((image) => pairs.has(image));
  }

  async labels(images: ArrayLike<number>, concept: number): Promise<Answer<LabelsReply>> {
    this.#masks ??= inflated(this.packed.masks);
    const bits = new Uint8Array(await this.#masks);
    const starts = new Map<number, number>();
    let start = 0;
    for (let at = 0; at < this.#pairs.length; at += 4) {
      starts.set(at, start);
      start += Math.ceil((this.#pairs[at + 2] * this.#pairs[at + 3]) / 8);
    }
    const pairs = this.#pairsOf(concept);
    const grids: number[][] = [];
    const carries: boolean[] = [];
    const pieces: Uint8Array[] = [];
    for (const image of Array.from(images)) {
      if (image < 0) {
        grids.push([0, 0]);
        carries.push(false);
        continue;
      }
      const at = pairs.get(image);
      if (at === undefined)
        throw new Problem(
          "This page doesn't hold where that concept is, only where the units' best ones are.",
          "A gallery with a kernel shows it: d.gallery().",
        );
      const [height, width] = [this.#pairs[at + 2], this.#pairs[at + 3]];
      const from = starts.get(at) ?? 0;
      grids.push([height, width]);
      carries.push(this.#carried[at / 4] > 0);
      pieces.push(
        Uint8Array.from(
          { length: height * width },
          (_, pixel) => (bits[from + (pixel >> 3)] >> (7 - (pixel & 7))) & 1,
        ),
      );
    }
    return {
      reply: { kind: "labels", id: "", grids, carries, problems: grids.map(() => "") },
      buffers: [joined(pieces)],
    };
  }
}

function joined(pieces: Uint8Array[]): DataView {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return new DataView(all.buffer);
}

type Reply = PicturesReply | MapsReply | LabelsReply | UnitReply;

/** Answers from what the page carries: the same questions, the same answers, no kernel and no request. */
export class EmbeddedSource implements Source {
  readonly late = { value: false };
  readonly #holdings: Map<string, Holding>;
  readonly #images: Map<string, Int32Array>;
  readonly #offsets = new Map<EmbeddedAlbum, Map<number, [start: number, bytes: number]>>();

  constructor(holdings: Map<string, Holding>, images: Map<string, Int32Array>) {
    this.#holdings = holdings;
    this.#images = images;
    for (const { album } of holdings.values()) {
      if (!album) continue;
      const offsets = new Map<number, [number, number]>();
      let start = 0;
      album.images.forEach((image, place) => {
        offsets.set(image, [start, album.bytes[place]]);
        start += Math.ceil(album.bytes[place] / 3) * 3;
      });
      this.#offsets.set(album, offsets);
    }
  }

  ask<K extends Question["kind"]>(question: Extract<Question, { kind: K }>): Promise<Answer<ReplyTo[K]>> {
    return this.#answer(question as Question) as Promise<Answer<ReplyTo[K]>>;
  }

  explains(key: string, unit: number, concept: number): boolean {
    return this.#holding(key).explains(
      [...this.#topImages(key, unit)].filter((image) => image >= 0),
      concept,
    );
  }

  dispose(): void {}

  #holding(key: string): Holding {
    const holding = this.#holdings.get(key);
    if (!holding) throw new Problem(`There is no dissection ${key} in this page.`);
    return holding;
  }

  #topImages(key: string, unit: number): Int32Array {
    const top = this.#holding(key).top;
    return (this.#images.get(key) ?? new Int32Array()).subarray(unit * top, (unit + 1) * top);
  }

  async #answer(question: Question): Promise<Answer<Reply>> {
    const holding = this.#holding(question.key);
    if (question.kind === "maps") {
      const images = question.units.flatMap((unit) => [...this.#topImages(question.key, unit)]);
      return holding.maps(question.units, images);
    }
    if (question.kind === "labels")
      return holding.labels(this.#topImages(question.key, question.unit), question.concept);
    if (question.kind === "unit")
      return { reply: { kind: "unit", id: "", ranking: holding.ranking(question.unit) }, buffers: [] };
    return this.#pictures(holding.album, question.images);
  }

  #pictures(album: EmbeddedAlbum | undefined, images: number[]): Answer<PicturesReply> {
    const places = images.map((image) => album && this.#offsets.get(album)?.get(image));
    return {
      reply: {
        kind: "pictures",
        id: "",
        images,
        types: places.map((place) => (place && album ? album.type : "")),
        problems: places.map((place, at) => (place ? "" : `Image ${images[at]} is not in this page.`)),
      },
      buffers: places.map(
        (place) => new DataView(album && place ? decoded(album.text, ...place).buffer : new ArrayBuffer(0)),
      ),
    };
  }
}

/** The model of a page: it holds values and tells who listens, and there is nobody to save them to. */
export class EmbeddedModel implements Model {
  readonly #handlers = new Map<string, Set<() => void>>();

  constructor(private readonly values: Record<string, unknown>) {}

  get(name: string): unknown {
    return this.values[name];
  }

  set(name: string, value: unknown): void {
    this.values[name] = value;
    for (const handler of [...(this.#handlers.get(`change:${name}`) ?? [])]) handler();
  }

  save_changes(): void {}

  on(event: string, handler: () => void): void {
    this.#handlers.set(event, (this.#handlers.get(event) ?? new Set()).add(handler));
  }

  off(event: string, handler: () => void): void {
    this.#handlers.get(event)?.delete(handler);
  }
}

/** Unpacks what a page carries; `standsFor` is the id of what the gallery takes the place of. */
export async function unpack(
  gallery: EmbeddedGallery,
  standsFor = "",
): Promise<{ model: EmbeddedModel; source: EmbeddedSource }> {
  if (gallery.version !== VERSION)
    throw new Problem(`This page is of version ${gallery.version}, not ${VERSION}.`);
  const holdings = new Map<string, Holding>();
  const images = new Map<string, Int32Array>();
  const tables: unknown[] = [];
  for (const packed of gallery.dissections) {
    const parts = slices(packed, await inflated(packed.numbers));
    const arrays = [...parts].map(([name, buffer]) => [name, new DataView(buffer)]);
    tables.push({ ...packed.table, ...Object.fromEntries(arrays) });
    holdings.set(packed.table.key, new Holding(packed, parts, gallery.albums[packed.album]));
    images.set(packed.table.key, new Int32Array(parts.get("top_images") ?? new ArrayBuffer(0)));
  }
  const model = new EmbeddedModel({
    _tables: tables,
    _several: gallery.several,
    _style: gallery.style,
    _remark: gallery.remark,
    stands_for: standsFor,
    ...gallery.state,
  });
  return { model, source: new EmbeddedSource(holdings, images) };
}
