import { computed, signal } from "@preact/signals-core";
import type { Model } from "../state/model";
import { type Channel, Kernel } from "./ask";
import type { DataTable, ImageReply, LabelCounts } from "./protocol";

/** An image that has come, decoded. */
export interface Shown {
  reply: ImageReply;
  bitmap: ImageBitmap;
  planes: Uint16Array[];
}

export type Order = "images" | "pixels" | "name" | "category";

/** What a page of `data.browse()` knows: what the kernel hears of (concept, index), and what belongs to it alone. */
export class BrowseState {
  readonly table: DataTable;
  readonly counts = signal<LabelCounts>(null as unknown as LabelCounts);
  readonly concept = signal(-1);
  readonly index = signal(0);
  readonly query = signal("");
  readonly order = signal<Order>("images");
  readonly shown = signal<Shown | null>(null);
  readonly problem = signal("");
  /** What goes on at the moment, in words. */
  readonly doing = signal("");
  /** Planes of the image that are switched off. */
  readonly hidden = signal<ReadonlySet<number>>(new Set());
  readonly listed = computed(() => this.#listed());
  readonly #kernel: Kernel;
  readonly #stop: (() => void)[] = [];
  #wanted = -1;
  /** Counts up with every search, so that an older one ends. */
  #search = 0;
  #counting = false;

  constructor(private readonly model: Model & Channel) {
    this.table = model.get("_table") as DataTable;
    this.counts.value = this.table.counts;
    this.#kernel = new Kernel(model);
    this.#follow("_concept", this.concept);
    this.#follow("index", this.index);
    this.index.subscribe((index) => void this.#fetch(index));
  }

  #follow(name: string, into: { value: number }): void {
    const update = () => {
      into.value = Number(this.model.get(name));
    };
    update();
    this.model.on(`change:${name}`, update);
    this.#stop.push(() => this.model.off(`change:${name}`, update));
  }

  #set(name: string, value: number): void {
    this.model.set(name, value);
    this.model.save_changes();
  }

  /** Goes to an image. */
  open(index: number): void {
    this.#search++;
    this.doing.value = "";
    this.#set("index", Math.max(0, Math.min(this.table.images - 1, index)));
  }

  /** Chooses a concept, or none, and goes to an image that holds it. */
  choose(concept: number): void {
    this.#set("_concept", concept);
    const held = this.shown.peek()?.reply;
    if (concept >= 0 && !(held?.index === this.index.peek() && held.concepts.includes(concept)))
      void this.#find(concept, 0, 1);
  }

  /** To the next image that holds the concept, or the next one. */
  turn(step: number): void {
    const concept = this.concept.peek();
    const start = this.index.peek() + step;
    if (concept < 0) this.open(start);
    else void this.#find(concept, start, step);
  }

  async #find(concept: number, start: number, step: number): Promise<void> {
    const search = ++this.#search;
    const { images, names } = this.table;
    let at = start;
    while (at >= 0 && at < images) {
      this.doing.value = `Looking for ${names[concept]}: image ${at.toLocaleString("en-US")} …`;
      try {
        const { reply } = await this.#kernel.ask<"find">({ kind: "find", concept, start: at, step });
        if (search !== this.#search) return;
        if (reply.found >= 0) return this.open(reply.found);
        at = reply.next;
      } catch (error) {
        this.doing.value = (error as Error).message;
        return;
      }
    }
    this.doing.value = `No image ${step > 0 ? (start ? "after this one " : "") : "before this one "}holds ${names[concept]}.`;
  }

  /** Counts on until all is counted, or stops that. */
  async count(): Promise<void> {
    this.#counting = !this.#counting;
    while (this.#counting && this.counts.peek().counted < this.table.images) {
      try {
        const { reply } = await this.#kernel.ask<"count">({ kind: "count" });
        this.counts.value = reply.counts;
      } catch (error) {
        this.problem.value = (error as Error).message;
        break;
      }
    }
    this.#counting = false;
    this.counts.value = { ...this.counts.peek() };
  }

  get counting(): boolean {
    return this.#counting;
  }

  toggle(plane: number): void {
    const hidden = new Set(this.hidden.peek());
    if (!hidden.delete(plane)) hidden.add(plane);
    this.hidden.value = hidden;
  }

  toggleAll(): void {
    const count = this.shown.peek()?.planes.length ?? 0;
    this.hidden.value =
      this.hidden.peek().size < count ? new Set(Array.from({ length: count }, (_, k) => k)) : new Set();
  }

  /** Whether a concept is so large that no unit's IoU can pass the cut. */
  outOfReach(concept: number): boolean {
    const ceiling = this.counts.value.ceilings[concept];
    return ceiling > 0 && ceiling <= this.table.min_iou;
  }

  async #fetch(index: number): Promise<void> {
    this.#wanted = index;
    try {
      const { reply, buffers } = await this.#kernel.ask<"image">({ kind: "image", index });
      const bitmap = await createImageBitmap(
        new Blob([buffers[0] as DataView<ArrayBuffer>], { type: reply.type }),
      );
      if (this.#wanted !== index) return;
      this.problem.value = "";
      if (reply.planes.join() !== this.shown.peek()?.reply.planes.join()) this.hidden.value = new Set();
      this.shown.value = { reply, bitmap, planes: planesIn(reply, buffers[1]) };
    } catch (error) {
      if (this.#wanted === index) this.problem.value = (error as Error).message;
    }
  }

  #listed(): number[] {
    const { names, categories, category_of } = this.table;
    const { images, shares } = this.counts.value;
    const words = this.query.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (c: number) => ` ${names[c]} ${categories[category_of[c]]}`.toLowerCase();
    const found = names.map((_, c) => c).filter((c) => words.every((word) => text(c).includes(` ${word}`)));
    const byName = (a: number, b: number) => names[a].localeCompare(names[b]);
    const orders: Record<Order, (a: number, b: number) => number> = {
      images: (a, b) => images[b] - images[a] || byName(a, b),
      pixels: (a, b) => shares[b] - shares[a] || byName(a, b),
      name: byName,
      category: (a, b) => category_of[a] - category_of[b] || images[b] - images[a],
    };
    return found.sort(orders[this.order.value]);
  }

  dispose(): void {
    for (const stop of this.#stop) stop();
    this.#search++;
    this.#counting = false;
    this.#kernel.dispose();
  }
}

function planesIn({ grid: [height, width], planes }: ImageReply, bytes: DataView): Uint16Array[] {
  const size = height * width;
  return planes.map((_, k) =>
    Uint16Array.from({ length: size }, (_, i) => bytes.getUint16(2 * (k * size + i), true)),
  );
}
