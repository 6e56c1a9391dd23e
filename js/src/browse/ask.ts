import type { CountReply, DataReply, DataRequest, FindReply, ImageReply } from "./protocol";

type ReplyTo = { image: ImageReply; find: FindReply; count: CountReply };
type Without<T> = T extends unknown ? Omit<T, "id"> : never;
type Question = Without<DataRequest>;

/** What a widget model offers to send messages. */
export interface Channel {
  send(content: unknown): void;
  on(event: "msg:custom", handler: (content: unknown, buffers: DataView[]) => void): void;
  off(event: "msg:custom", handler: (content: unknown, buffers: DataView[]) => void): void;
}

/** A reply with its buffers. */
export interface Answer<R> {
  reply: R;
  buffers: DataView[];
}

let pages = 0;

/** Asks the kernel by messages: every reply carries the id of its request. */
export class Kernel {
  readonly #name = `${Date.now().toString(36)}-${pages++}`;
  readonly #waiting = new Map<string, (reply: DataReply, buffers: DataView[]) => void>();
  #asked = 0;

  constructor(private readonly channel: Channel) {
    channel.on("msg:custom", this.#receive);
  }

  ask<K extends Question["kind"]>(question: Extract<Question, { kind: K }>): Promise<Answer<ReplyTo[K]>> {
    const id = `${this.#name}-${this.#asked++}`;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (reply, buffers) =>
        reply.kind === "error"
          ? reject(new Error(reply.error))
          : resolve({ reply: reply as ReplyTo[K], buffers }),
      );
      this.channel.send({ ...question, id });
    });
  }

  dispose(): void {
    this.channel.off("msg:custom", this.#receive);
  }

  readonly #receive = (content: unknown, buffers: DataView[]): void => {
    const reply = content as DataReply;
    const settle = this.#waiting.get(reply?.id);
    this.#waiting.delete(reply?.id);
    settle?.(reply, buffers ?? []);
  };
}
