import { signal } from "@preact/signals-core";
import type {
  ExplainReply,
  ExportReply,
  LabelsReply,
  MapsReply,
  PhotographReply,
  PicturesReply,
  Reply,
  Request,
  Strips,
  UnitReply,
} from "../protocol";

export type ReplyTo = {
  pictures: PicturesReply;
  photograph: PhotographReply;
  maps: MapsReply;
  labels: LabelsReply;
  explain: ExplainReply;
  unit: UnitReply;
  export: ExportReply;
};
type Without<T> = T extends unknown ? Omit<T, "id"> : never;

/** A request before it has an id. */
export type Question = Without<Request>;

/** A reply with its buffers. */
export interface Answer<R> {
  reply: R;
  buffers: DataView[];
}

/** Takes in what the kernel sent without being asked. */
type PushHandler = (strips: Strips, buffers: DataView[]) => void;

/**
 * Where images, maps and rankings come from: a kernel that answers messages, or data that the
 * page carries with it. Everything else in the gallery is the same for both.
 */
export interface Source {
  ask<K extends Question["kind"]>(question: Extract<Question, { kind: K }>): Promise<Answer<ReplyTo[K]>>;
  /** True while an answer is overdue: the kernel is busy, or gone. */
  readonly overdue: { readonly value: boolean };
  /** Whether it can tell where a concept is in the images of a unit. */
  explains(key: string, unit: number, concept: number): boolean;
  /** The same at once, where the page itself carries them: paper doesn't wait. */
  mapsNow?(key: string, units: number[]): Answer<MapsReply> | undefined;
  picturesNow?(key: string, images: number[]): Answer<PicturesReply>;
  /** Whether it can make a page of some units. */
  readonly exports: boolean;
  /** Resolves once the kernel has sent images unasked: then it is there, however busy. */
  readonly heard?: Promise<void>;
  /** Set by whoever keeps what comes. */
  onPush?: PushHandler | undefined;
  dispose(): void;
}

/** Something went wrong, and what to do about it. */
export class Problem extends Error {
  constructor(
    message: string,
    readonly hint = "",
    /** Whether the one who would answer can't be reached at all. */
    readonly disconnected = false,
  ) {
    super(message);
  }
}

/** The two members of a widget model through which messages pass. */
export interface Channel {
  send(content: unknown): void;
  on(event: "msg:custom", handler: (content: unknown, buffers: DataView[]) => void): void;
  off(event: "msg:custom", handler: (content: unknown, buffers: DataView[]) => void): void;
}

/** Milliseconds without an answer until the kernel counts as busy or gone. */
const PATIENCE = 3000;
const CHECK_EVERY = 500;
let sources = 0;

/** A question that was asked, since when, and what to do with the reply. */
interface Waiting {
  since: number;
  settle(reply: Reply, buffers: DataView[]): void;
}

/** Asks the kernel by custom messages; every reply carries the id of its request, or an error. */
export class KernelSource implements Source {
  readonly heard: Promise<void>;
  onPush?: PushHandler | undefined;
  readonly overdue = signal(false);
  readonly exports = true;
  readonly #waiting = new Map<string, Waiting>();
  readonly #name = `${Date.now().toString(36)}-${sources++}`;
  #asked = 0;
  #hear: () => void = () => {};
  readonly #watch: ReturnType<typeof setInterval>;

  constructor(private readonly channel: Channel) {
    this.heard = new Promise((resolve) => {
      this.#hear = resolve;
    });
    channel.on("msg:custom", this.#receive);
    this.#watch = setInterval(this.#check, CHECK_EVERY);
  }

  ask<K extends Question["kind"]>(question: Extract<Question, { kind: K }>): Promise<Answer<ReplyTo[K]>> {
    const id = `${this.#name}-${this.#asked++}`;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {
        since: Date.now(),
        settle: (reply, buffers) => {
          if (reply.kind === "error") reject(new Problem(reply.error, reply.hint));
          else resolve({ reply: reply as ReplyTo[K], buffers });
        },
      });
      try {
        this.channel.send({ ...question, id });
      } catch (error) {
        this.#waiting.delete(id);
        reject(new Problem(`The kernel can't be reached: ${error}`, "Run the cell again.", true));
      }
    });
  }

  explains(): boolean {
    return true;
  }

  dispose(): void {
    clearInterval(this.#watch);
    this.channel.off("msg:custom", this.#receive);
    this.#waiting.clear();
  }

  readonly #receive = (content: unknown, buffers: DataView[]): void => {
    const reply = content as Reply | Strips;
    if (reply?.kind === "strips") {
      this.onPush?.(reply, buffers);
      if (buffers?.length) this.#hear();
      return;
    }
    const question = this.#waiting.get(reply?.id);
    if (!question) return; // for another page of the same gallery
    this.#waiting.delete(reply.id);
    this.#check();
    question.settle(reply, buffers ?? []);
  };

  readonly #check = (): void => {
    const now = Date.now();
    this.overdue.value = [...this.#waiting.values()].some(({ since }) => now - since > PATIENCE);
  };
}

/**
 * Resolves once somebody has answered, with all that belongs to an answer: where bytes are dropped on the
 * way, as Colab may do, the gallery has no images to show.
 */
export async function answered(source: Source, key: string): Promise<void> {
  try {
    const { buffers } = await source.ask<"maps">({ kind: "maps", key, units: [0] });
    if (buffers.length < 2) throw new Problem("The answer came without its bytes.", "", true);
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.disconnected) throw problem;
  }
}
