import type {
  EmbeddedAlbum,
  EmbeddedDissection,
  EmbeddedGallery,
  LabelsReply,
  MapsReply,
  PhotographReply,
  PicturesReply,
  UnitReply,
  WireArray,
} from "../protocol";
import type { Model } from "../state/model";
import { bytesIn } from "./arrays";
import { decoded, inflated, startsOf } from "./decode";
import { PackedDissection } from "./packed-dissection";
import { type Answer, Problem, type Question, type ReplyTo, type Source } from "./source";

const VERSION = 2;

type Reply = PicturesReply | PhotographReply | MapsReply | LabelsReply | UnitReply;

/** The images of one data set: many files, one after the other in one text. */
class ImageSheet {
  readonly #album: EmbeddedAlbum;
  readonly #starts: Map<number, [start: number, bytes: number]>;
  readonly #scenes: Map<number, string>;

  constructor(album: EmbeddedAlbum) {
    this.#album = album;
    // Each begins at a multiple of three bytes, so that it can be decoded alone.
    const starts = startsOf(album.bytes.map((bytes) => Math.ceil(bytes / 3) * 3));
    this.#starts = new Map(album.images.map((image, at) => [image, [starts[at], album.bytes[at]]]));
    this.#scenes = new Map(album.images.map((image, at) => [image, album.scenes[at]]));
  }

  get type(): string {
    return this.#album.type;
  }

  scene(image: number): string {
    return this.#scenes.get(image) ?? "";
  }

  file(image: number): ArrayBuffer | undefined {
    const place = this.#starts.get(image);
    return place && decoded(this.#album.text, ...place).buffer;
  }
}

interface Dissection {
  packed: PackedDissection;
  sheet: ImageSheet | undefined;
}

/** Answers from what the page carries: the same questions, the same answers, no kernel and no request. */
export class EmbeddedSource implements Source {
  readonly overdue = { value: false };
  readonly exports = false;
  readonly #dissections: Map<string, Dissection>;

  constructor(dissections: Map<string, Dissection>) {
    this.#dissections = dissections;
  }

  ask<K extends Question["kind"]>(question: Extract<Question, { kind: K }>): Promise<Answer<ReplyTo[K]>> {
    return this.#answer(question as Question) as Promise<Answer<ReplyTo[K]>>;
  }

  mapsNow(key: string, units: number[]): Answer<MapsReply> | undefined {
    return this.#dissection(key).packed.mapsNow(units);
  }

  picturesNow(key: string, images: number[]): Answer<PicturesReply> {
    return filesOf(this.#dissection(key).sheet, images);
  }

  explains(key: string, unit: number, concept: number): boolean {
    return this.#dissection(key).packed.explains(unit, concept);
  }

  dispose(): void {}

  #dissection(key: string): Dissection {
    const dissection = this.#dissections.get(key);
    if (!dissection) throw new Problem(`There is no dissection ${key} in this page.`);
    return dissection;
  }

  async #answer(question: Question): Promise<Answer<Reply>> {
    const { packed, sheet } = this.#dissection(question.key);
    if (question.kind === "maps") return packed.maps(question.units);
    if (question.kind === "labels") return packed.labels(question.unit, question.concept);
    if (question.kind === "pictures") return filesOf(sheet, question.images);
    if (question.kind === "photograph") return fileOf(sheet, question.image);
    if (question.kind === "unit")
      return {
        reply: {
          kind: "unit",
          id: "",
          ranking: packed.ranking(question.unit),
          evidence: packed.evidence(question.unit),
        },
        buffers: [],
      };
    throw new Problem("A page without a kernel can't do that.");
  }
}

function filesOf(sheet: ImageSheet | undefined, images: number[]): Answer<PicturesReply> {
  const files = images.map((image) => sheet?.file(image));
  return {
    reply: {
      kind: "pictures",
      id: "",
      images,
      types: files.map((file) => (file && sheet ? sheet.type : "")),
      scenes: images.map((image) => sheet?.scene(image) ?? ""),
      problems: files.map((file, at) => (file ? "" : `Image ${images[at]} is not in this page.`)),
    },
    buffers: files.map((file) => new DataView(file ?? new ArrayBuffer(0))),
  };
}

/** The page has no larger picture than those it shows. */
function fileOf(sheet: ImageSheet | undefined, image: number): Answer<PhotographReply> {
  const file = sheet?.file(image);
  if (!file || !sheet) throw new Problem(`Image ${image} is not in this page.`);
  return { reply: { kind: "photograph", id: "", type: sheet.type }, buffers: [new DataView(file)] };
}

/** The model of a page: it holds values and tells who listens, and there is nobody to save them to. */
export class EmbeddedModel implements Model {
  readonly #values: Record<string, unknown>;
  readonly #handlers = new Map<string, Set<() => void>>();

  constructor(values: Record<string, unknown>) {
    this.#values = values;
  }

  get(name: string): unknown {
    return this.#values[name];
  }

  set(name: string, value: unknown): void {
    this.#values[name] = value;
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
  const sheets = gallery.albums.map((album) => new ImageSheet(album));
  const dissections = new Map<string, Dissection>();
  const tables: unknown[] = [];
  for (const dissection of gallery.dissections) {
    const parts = await partsOf(dissection);
    tables.push({ ...dissection.table, ...Object.fromEntries(parts) });
    const packed = new PackedDissection(dissection, parts);
    dissections.set(dissection.table.key, { packed, sheet: sheets[dissection.album] });
  }
  const model = new EmbeddedModel({
    _tables: tables,
    _several: gallery.several,
    _whole: null,
    _names: [],
    _style: gallery.style,
    _remark: gallery.remark,
    stands_for: standsFor,
    ...gallery.state,
  });
  return { model, source: new EmbeddedSource(dissections) };
}

/** The arrays of a dissection, by name. */
async function partsOf({ numbers, parts }: EmbeddedDissection): Promise<Map<string, WireArray>> {
  const bytes = await inflated(numbers);
  const starts = startsOf(parts.map(bytesIn));
  return new Map(
    parts.map(({ name, dtype, shape }, at) => {
      const data = new DataView(bytes, starts[at], starts[at + 1] - starts[at]);
      return [name, { dtype, shape, data }];
    }),
  );
}
