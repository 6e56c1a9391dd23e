import { effect, type Signal, signal } from "@preact/signals-core";
import { type Table, tableOf } from "../data/table";
import type { DissectionTable } from "../protocol";
import type { Change, GalleryState, Only, Overlay, Sort } from "./gallery-state";
import type { Model } from "./model";

/** How a unit is named in Python: its number, or an address where there are several dissections. */
export type UnitName = number | string;

/** Milliseconds after the last change until it is sent, where changes come in quick succession. */
const TYPING = 200;
const DRAGGING = 100;

/** What Python and this page share: one signal for each trait of the widget. */
export class SyncedState {
  /** Replaced when Python has newer results of the same layers. */
  readonly tables: Signal<Table[]>;
  readonly several: boolean;
  /** What Python's user calls what is shown, "" = has no name for it; null = there is no Python. */
  readonly whole: Signal<string | null>;
  /** The same for each dissection. */
  readonly names: Signal<string[]>;
  readonly query: Signal<string>;
  readonly cut: Signal<number>;
  readonly only: Signal<Only>;
  readonly category: Signal<string[]>;
  readonly concept: Signal<number | null>;
  readonly chosen: Signal<number[] | null>;
  readonly sort: Signal<Sort>;
  readonly overlay: Signal<Overlay>;
  readonly current: Signal<string>;
  readonly compare: Signal<string[]>;
  readonly change: Signal<Change[]>;
  readonly selected: Signal<UnitName[]>;
  readonly opened: Signal<string>;

  readonly #model: Model;
  readonly #cleanups: (() => void)[] = [];
  /** Traits that were changed here and wait to be sent. */
  readonly #unsent = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(model: Model) {
    this.#model = model;
    const tables = () => (model.get("_tables") as DissectionTable[]).map(tableOf);
    this.tables = signal(tables());
    this.#onChange("_tables", () => {
      this.tables.value = tables();
    });
    this.several = model.get("_several") as boolean;
    this.whole = this.#synced<string | null>("_whole");
    this.names = this.#synced("_names");
    this.query = this.#synced("query", TYPING);
    this.cut = this.#synced("min_iou", DRAGGING);
    this.only = this.#synced("only");
    this.category = this.#synced("category");
    this.concept = this.#synced("concept");
    this.chosen = this.#synced("_chosen");
    this.sort = this.#synced("sort");
    this.overlay = this.#synced("overlay");
    this.current = this.#synced("current");
    this.compare = this.#synced("compare");
    this.change = this.#synced("change");
    this.selected = this.#synced("selected");
    this.opened = this.#synced("opened");
  }

  /** A setting as Python has it, or will have once it is sent. */
  saved(name: keyof GalleryState): unknown {
    return this.#model.get(name);
  }

  /** Ends all traffic with the model. What was changed last still reaches it. */
  dispose(): void {
    if (this.#timer) {
      clearTimeout(this.#timer);
      this.#model.save_changes();
    }
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
  }

  /** A signal that follows a trait, and which the trait follows, `delay` ms after the last change. */
  #synced<T>(name: string, delay = 0): Signal<T> {
    const value = signal(this.#model.get(name) as T);
    const unchanged = () => JSON.stringify(this.#model.get(name)) === JSON.stringify(value.peek());
    this.#onChange(name, () => {
      if (unchanged()) return;
      // The kernel's echo of an earlier change: what was typed since holds.
      if (this.#unsent.has(name)) this.#model.set(name, value.peek());
      else value.value = this.#model.get(name) as T;
    });
    this.#cleanups.push(
      effect(() => {
        const next = value.value;
        if (unchanged()) return;
        this.#unsent.add(name);
        this.#model.set(name, next);
        this.#saveIn(delay);
      }),
    );
    return value;
  }

  #onChange(name: string, follow: () => void): void {
    this.#model.on(`change:${name}`, follow);
    this.#cleanups.push(() => this.#model.off(`change:${name}`, follow));
  }

  #saveIn(delay: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#unsent.clear();
      this.#model.save_changes();
    }, delay);
  }
}
