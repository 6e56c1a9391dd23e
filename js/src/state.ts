import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { type Counts, countAt, type Pair, pairsOf } from "./data/counts";
import { isIn, type Only, type Sort, shownUnits, wordsOf } from "./data/filter";
import { conceptKey, numberOf, type Table, tableOf } from "./data/table";
import type { Overlay } from "./draw/overlay";
import type { DissectionTable } from "./messages";

/** What a widget model offers, of which the gallery uses this much. A page without a kernel brings its own. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: string, handler: () => void): void;
  off(event: string, handler: () => void): void;
}

/** How a unit is named in Python: its number, or an address where there are several dissections. */
export type UnitName = number | string;

/** Everything that can change, as signals: those that Python shares, and those of this page alone. */
export class State {
  /** Replaced when Python has newer results of the same layers. */
  readonly tables: Signal<Table[]>;
  readonly several: boolean;
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
  readonly selected: Signal<UnitName[]>;
  readonly opened: Signal<string>;

  /** Moves every unit's threshold: 0 = as scored, 1 = up to its maximum, −1 = down to its minimum. */
  readonly level = signal(0);
  readonly dark = signal(false);
  readonly printing = signal(false);

  readonly table: ReadonlySignal<Table>;
  readonly counts: ReadonlySignal<Counts>;
  readonly shown: ReadonlySignal<number[]>;
  /** Units by category; in a comparison: concepts by category. */
  readonly categoryCounts: ReadonlySignal<{ category: string; units: number }[]>;
  readonly sides: ReadonlySignal<[Table, Table] | null>;
  /** What is looked at: both sides of a comparison, or the one dissection. */
  readonly looking: ReadonlySignal<Table[]>;
  /** The concept that is filtered by, as `conceptKey` names it: every result numbers concepts for itself. */
  readonly sought: ReadonlySignal<string | null>;
  readonly pairs: ReadonlySignal<Pair[]>;
  readonly #allPairs: ReadonlySignal<Pair[]>;
  readonly #ends: (() => void)[] = [];
  /** Traits that were changed here and wait to be sent. */
  readonly #unsent = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly model: Model) {
    const tables = () => (model.get("_tables") as DissectionTable[]).map(tableOf);
    this.tables = signal(tables());
    this.#listen("_tables", () => {
      this.tables.value = tables();
    });
    this.several = model.get("_several") as boolean;
    this.query = this.#shared("query", 200);
    this.cut = this.#shared("min_iou", 100);
    this.only = this.#shared("only");
    this.category = this.#shared("category");
    this.concept = this.#shared("concept");
    this.chosen = this.#shared("_chosen");
    this.sort = this.#shared("sort");
    this.overlay = this.#shared("overlay");
    this.current = this.#shared("current");
    this.compare = this.#shared("compare");
    this.selected = this.#shared("selected");
    this.opened = this.#shared("opened");
    this.table = computed(() => this.tableNamed(this.current.value) ?? this.tables.value[0]);
    this.counts = computed(() => countAt(this.table.value, this.cut.value));
    this.shown = computed(() =>
      shownUnits(this.table.value, {
        query: this.query.value,
        min_iou: this.cut.value,
        only: this.only.value,
        category: this.category.value,
        concept: this.concept.value,
        chosen: this.chosen.value,
        sort: this.sort.value,
      }),
    );
    this.looking = computed(() => this.sides.value ?? [this.table.value]);
    this.sides = computed(() => {
      const [left, right] = this.compare.value.map((name) => this.tableNamed(name));
      return left && right ? [left, right] : null;
    });
    this.#allPairs = computed(() => {
      const sides = this.sides.value;
      return sides ? pairsOf(sides[0], sides[1], this.cut.value) : [];
    });
    this.pairs = computed(() => this.#filteredPairs());
    this.sought = computed(() => {
      const column = this.table.value.numbers.indexOf(this.concept.value ?? Number.NaN);
      return column < 0 ? null : conceptKey(this.table.value, column);
    });
    // A category that is filtered by stays in sight, though another result may not have it.
    this.categoryCounts = computed(() =>
      [...new Set([...this.looking.value.flatMap((table) => table.categories), ...this.category.value])].map(
        (category) => ({
          category,
          units: this.sides.value
            ? this.#allPairs.value.filter((pair) => pair.category === category).length
            : (this.counts.value.groups.find((group) => group.category === category)?.units ?? 0),
        }),
      ),
    );
    let [table, concept, key] = [this.table.peek(), this.concept.peek(), this.sought.peek()];
    this.#ends.push(
      effect(() => {
        const next = this.table.value;
        // The same concept has another number there; a number that came with the table is right already.
        if (next !== table && key !== null && this.concept.value === concept)
          this.concept.value = numberOf(next, key);
        [table, concept, key] = [next, this.concept.value, this.sought.value];
      }),
    );
  }

  /** Ends all traffic with the model. What was changed last still reaches it. */
  dispose(): void {
    if (this.#timer) {
      clearTimeout(this.#timer);
      this.model.save_changes();
    }
    for (const end of this.#ends.splice(0)) end();
  }

  tableNamed(key: string): Table | undefined {
    return this.tables.value.find((table) => table.key === key);
  }

  address(table: Table, unit: number): string {
    return `${table.key}:${unit}`;
  }

  nameOf(table: Table, unit: number): UnitName {
    return this.several ? this.address(table, unit) : unit;
  }

  isSelected(table: Table, unit: number): boolean {
    return this.selected.value.includes(this.nameOf(table, unit));
  }

  toggleSelected(table: Table, unit: number): void {
    const name = this.nameOf(table, unit);
    const rest = this.selected.value.filter((other) => other !== name);
    this.selected.value = rest.length < this.selected.value.length ? rest : [...rest, name];
  }

  /** The unit of an address, where there is one. */
  unitAt(address: string): { table: Table; unit: number } | null {
    const colon = address.lastIndexOf(":");
    const table = this.tableNamed(address.slice(0, colon));
    const unit = Number(address.slice(colon + 1));
    return table && colon > 0 && unit >= 0 && unit < table.units ? { table, unit } : null;
  }

  get filtered(): boolean {
    return !!(
      this.query.value ||
      this.category.value.length ||
      this.concept.value !== null ||
      this.chosen.value
    );
  }

  clearFilters(): void {
    batch(() => {
      this.query.value = "";
      this.category.value = [];
      this.concept.value = null;
      this.chosen.value = null;
    });
  }

  toggleCategory(category: string): void {
    const others = this.category.value.filter((name) => name !== category);
    batch(() => {
      this.category.value = others.length < this.category.value.length ? others : [...others, category];
      this.concept.value = null;
    });
  }

  /** Filters by a concept of a table, or no longer. Its number is that of the table that is shown. */
  toggleConcept(table: Table, concept: number): void {
    const key = conceptKey(table, concept);
    const chosen = this.sought.value === key;
    this.concept.value = null; // or a change of table would take the old one along
    if (chosen) return;
    if (numberOf(this.table.value, key) === null) this.current.value = table.key;
    this.concept.value = numberOf(this.table.value, key);
  }

  #filteredPairs(): Pair[] {
    const sides = this.sides.value;
    if (!sides) return [];
    const words = wordsOf(this.query.value);
    const categories = this.category.value;
    return this.#allPairs.value.filter(
      ({ key, name, category }) =>
        (!categories.length || categories.includes(category)) &&
        (this.concept.value === null || this.sought.value === key) &&
        words.every((word) => isIn(name, category, word)),
    );
  }

  #listen(name: string, follow: () => void): void {
    this.model.on(`change:${name}`, follow);
    this.#ends.push(() => this.model.off(`change:${name}`, follow));
  }

  /** A signal that follows a trait, and which the trait follows, `delay` ms after the last change. */
  #shared<T>(name: string, delay = 0): Signal<T> {
    const value = signal(this.model.get(name) as T);
    const same = (other: unknown) => JSON.stringify(other) === JSON.stringify(value.peek());
    const follow = () => {
      const next = this.model.get(name) as T;
      if (same(next)) return;
      // The kernel's echo of an earlier change: what was typed since holds.
      if (this.#unsent.has(name)) this.model.set(name, value.peek());
      else value.value = next;
    };
    this.#listen(name, follow);
    this.#ends.push(
      effect(() => {
        const next = value.value;
        if (JSON.stringify(next) === JSON.stringify(this.model.get(name))) return;
        this.#unsent.add(name);
        this.model.set(name, next);
        this.#save(delay);
      }),
    );
    return value;
  }

  #save(delay: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#unsent.clear();
      this.model.save_changes();
    }, delay);
  }
}
