import { batch, computed, effect } from "@preact/signals-core";
import { changesOf, haveConceptsInCommon, type Pair, pairsOf } from "../data/comparison";
import { countAt } from "../data/counts";
import { foundUnits, isAbout, ordered } from "../data/filter";
import { findsConcept, searchOf } from "../data/search";
import { categoryOf, conceptKey, isDetector, numberOf, type Table } from "../data/table";
import type { Change, Only } from "./gallery-state";
import { LocalState } from "./local";
import type { Model } from "./model";
import { Selection } from "./selection";
import { SyncedState, type UnitName } from "./synced";

/** Dissections side by side, at most. */
const MOST_COMPARED = 8;

/** Everything that can change: what Python shares, what is this page's alone, and what follows from both. */
export class State {
  readonly synced: SyncedState;
  readonly local = new LocalState();
  readonly selection: Selection;

  readonly table = computed(() => this.tableNamed(this.synced.current.value) ?? this.synced.tables.value[0]);
  readonly counts = computed(() => countAt(this.table.value, this.synced.cut.value));
  /** The units that the search finds among those that "show" shows. */
  readonly #found = computed(() =>
    foundUnits(this.table.value, {
      query: this.synced.query.value,
      min_iou: this.synced.cut.value,
      only: this.synced.only.value,
      chosen: this.synced.chosen.value,
    }),
  );
  readonly #passing = computed(() => {
    const about = { category: this.synced.category.value, concept: this.synced.concept.value };
    return this.#found.value.filter((unit) => isAbout(this.table.value, unit, about));
  });
  /** What decides which units pass, in one text. */
  readonly #filters = computed(() => {
    const { query, category, concept, only, chosen, cut } = this.synced;
    const values = [query, category, concept, only, chosen, cut].map(({ value }) => value);
    return JSON.stringify([this.table.value.key, ...values]);
  });
  /** The opened unit, where somebody followed a link to it that the filters hide. */
  readonly guest = computed(() => {
    const guest = this.local.guest.value;
    const here = guest?.address === this.synced.opened.value && guest.filters === this.#filters.value;
    const { unit } = (here && this.unitAt(guest.address)) || {};
    return unit === undefined || this.#passing.value.includes(unit) ? null : unit;
  });
  /** The units that pass all filters, and a guest, in order. */
  readonly shown = computed(() => {
    const guest = this.guest.value;
    const units = guest === null ? this.#passing.value : [...this.#passing.value, guest];
    return ordered(this.table.value, [...units], this.synced.sort.value);
  });
  /** The dissections whose graphs are on one axis, at least two; null where one is shown. */
  readonly compared = computed<Table[] | null>(() => {
    const tables = this.synced.compare.value.flatMap((name) => this.tableNamed(name) ?? []);
    return tables.length > 1 ? tables : null;
  });
  /** Both sides of a comparison; null where one dissection is shown, or more than two share an axis. */
  readonly sides = computed<[Table, Table] | null>(() => {
    const [left, right, more] = this.compared.value ?? [];
    return left && right && !more ? [left, right] : null;
  });
  /** What is shown: both sides of a comparison, or the one dissection. */
  readonly visibleTables = computed<Table[]>(() => this.sides.value ?? [this.table.value]);
  /** The concept that is filtered by, as `conceptKey` names it: every result numbers concepts for itself. */
  readonly filteredConcept = computed(() => {
    const column = this.table.value.numbers.indexOf(this.synced.concept.value ?? Number.NaN);
    return column < 0 ? null : conceptKey(this.table.value, column);
  });
  readonly #allPairs = computed<Pair[]>(() => {
    const sides = this.sides.value;
    return sides ? pairsOf(sides[0], sides[1], this.synced.cut.value) : [];
  });
  readonly #foundPairs = computed<Pair[]>(() => {
    const search = searchOf(this.synced.query.value);
    return this.#allPairs.value.filter(({ key, category }) =>
      findsConcept(search, key.slice(category.length + 1), category),
    );
  });
  /** In a comparison: the concepts that pass all filters, each with its best unit on both sides. */
  readonly pairs = computed(() => this.#pairsThatPass("change", "category", "concept"));
  /** In a comparison: how many concepts were gained, lost and kept, of those that pass the other filters. */
  readonly changes = computed(() => changesOf(this.#pairsThatPass("category", "concept")));
  /** The same, whatever is filtered by. */
  readonly changesOfAll = computed(() => changesOf(this.#allPairs.value));
  /** What is found by category, units, in a comparison concepts, and the most that any filter leaves. */
  readonly categoryCounts = computed(() =>
    this.#categories().map((category) => ({
      category,
      units: this.#countIn(category),
      most: this.sides.value
        ? this.#allPairs.value.filter((pair) => pair.category === category).length
        : inCategory(this.table.value, [...this.table.value.best.keys()], category),
    })),
  );

  readonly #endFollowing: () => void;

  constructor(model: Model) {
    this.synced = new SyncedState(model);
    this.selection = new Selection(this.synced.selected);
    this.#endFollowing = this.#followConcept();
  }

  /** Ends all traffic with the model. What was changed last still reaches it. */
  dispose(): void {
    this.synced.dispose();
    this.#endFollowing();
  }

  tableNamed(key: string): Table | undefined {
    return this.synced.tables.value.find((table) => table.key === key);
  }

  address(table: Table, unit: number): string {
    return `${table.key}:${unit}`;
  }

  /** The unit of an address, where there is one. */
  unitAt(address: string): { table: Table; unit: number } | null {
    const colon = address.lastIndexOf(":");
    const table = this.tableNamed(address.slice(0, colon));
    const unit = Number(address.slice(colon + 1));
    return table && colon > 0 && unit >= 0 && unit < table.units ? { table, unit } : null;
  }

  /** The unit that a name in Python stands for: its number, or its address. */
  unitNamed(name: UnitName): { table: Table; unit: number } | null {
    return typeof name === "string"
      ? this.unitAt(name)
      : this.unitAt(this.address(this.synced.tables.value[0], name));
  }

  /** How a unit is named in Python. */
  nameOf(table: Table, unit: number): UnitName {
    return this.synced.several ? this.address(table, unit) : unit;
  }

  /** Opens a unit of the dissection that is shown, also one that the filters hide. */
  openGuest(address: string): void {
    batch(() => {
      this.local.guest.value = { address, filters: this.#filters.value };
      this.synced.opened.value = address;
    });
  }

  isSelected(table: Table, unit: number): boolean {
    return this.selection.has(this.nameOf(table, unit));
  }

  toggleSelected(table: Table, unit: number): void {
    this.selection.toggle(this.nameOf(table, unit));
  }

  /** Shows the selected units and no others, of several dissections these side by side; returns why not, as `compare`. */
  compareSelected(): string {
    const { selected, only, chosen } = this.synced;
    const units = selected.value.flatMap((name) => this.unitNamed(name) ?? []);
    const [first, ...others] = [...new Set(units.map(({ table }) => table.key))];
    return batch(() => {
      this.clearFilters();
      if (others.length) return this.compare([first, ...others].slice(0, MOST_COMPARED));
      this.showAlone(first);
      only.value = "all";
      chosen.value = units.map(({ unit }) => unit);
      return "";
    });
  }

  /** Selects all units from the one that was ticked last to this one. */
  selectTo(table: Table, unit: number): void {
    this.selection.extendTo(this.nameOf(table, unit), this.shownOf(table));
  }

  /** The units of a table as they are shown, from first to last. */
  shownOf(table: Table): UnitName[] {
    const sides = this.sides.value as Table[] | null;
    const units = sides
      ? this.pairs.value.map((pair) => pair.units[sides.indexOf(table)])
      : table === this.table.value
        ? this.shown.value
        : [];
    return units.flatMap((unit) => (unit === null || unit === undefined ? [] : this.nameOf(table, unit)));
  }

  selectAll(): void {
    this.selection.add(this.visibleTables.value.flatMap((table) => this.shownOf(table)));
  }

  /** Which units a gallery shows first: the detectors, or all where no unit passes the cut. */
  get startingOnly(): Only {
    const cut = this.synced.cut.value;
    const any = this.synced.tables.value.some((table) =>
      table.best.some((_, unit) => isDetector(table, unit, cut)),
    );
    return any ? "detectors" : "all";
  }

  /** Whether anything but the cut and "show" limits what is shown. */
  get isFiltered(): boolean {
    const { query, category, concept, chosen, change } = this.synced;
    const byChange = this.sides.value && change.value.length;
    return !!(query.value || category.value.length || concept.value !== null || chosen.value || byChange);
  }

  clearFilters(): void {
    const { query, category, concept, chosen, change } = this.synced;
    batch(() => {
      change.value = [];
      query.value = "";
      category.value = [];
      concept.value = null;
      chosen.value = null;
    });
  }

  toggleChange(name: Change): void {
    const { change } = this.synced;
    change.value = toggled(change.value, name);
  }

  /** Compares dissections by name; returns why that makes no sense, "" where it does. */
  compare(names: string[]): string {
    const [left, right, more] = names.flatMap((name) => this.tableNamed(name) ?? []);
    if (left && right && !more && !haveConceptsInCommon(left, right))
      return `${left.key} and ${right.key} can’t be compared: they have no concept in common.`;
    this.synced.compare.value = names;
    return "";
  }

  /** Ends a comparison, or leaves one dissection for another. */
  showAlone(name: string): void {
    batch(() => {
      this.synced.compare.value = [];
      this.synced.current.value = name;
    });
  }

  toggleCategory(name: string): void {
    const { category, concept } = this.synced;
    batch(() => {
      category.value = toggled(category.value, name);
      concept.value = null;
    });
  }

  /**
   * Filters by a concept of a table, or no longer. Its number is that of the table that is shown: where
   * more than two share an axis, that is the one that was chosen there.
   */
  toggleConcept(table: Table, column: number): void {
    const { concept, current } = this.synced;
    const key = conceptKey(table, column);
    const chosen = this.filteredConcept.value === key;
    const other = this.compared.value && !this.sides.value && table !== this.table.value;
    concept.value = null; // or a change of table would take the old one along
    if (chosen && !other) return;
    if (other || numberOf(this.table.value, key) === null) current.value = table.key;
    concept.value = numberOf(this.table.value, key);
  }

  /** A category that is filtered by stays in sight, though another result may not have it. */
  #categories(): string[] {
    const shown = this.visibleTables.value.flatMap((table) => table.categories);
    return [...new Set([...shown, ...this.synced.category.value])];
  }

  #countIn(category: string): number {
    if (this.sides.value)
      return this.#pairsThatPass("change").filter((pair) => pair.category === category).length;
    return inCategory(this.table.value, this.#found.value, category);
  }

  /** The pairs that the search finds, and that pass the filters that are named. */
  #pairsThatPass(...filters: ("change" | "category" | "concept")[]): Pair[] {
    const categories = filters.includes("category") ? this.synced.category.value : [];
    const changes = filters.includes("change") ? this.synced.change.value : [];
    const concept = filters.includes("concept") && this.synced.concept.value !== null;
    return this.#foundPairs.value.filter(
      ({ key, category, change }) =>
        (!categories.length || categories.includes(category)) &&
        (!changes.length || changes.includes(change)) &&
        (!concept || this.filteredConcept.value === key),
    );
  }

  /** Keeps to the concept that is filtered by when another table is shown, where it has another number. */
  #followConcept(): () => void {
    const { concept } = this.synced;
    let [table, number, key] = [this.table.peek(), concept.peek(), this.filteredConcept.peek()];
    return effect(() => {
      const next = this.table.value;
      // A number that came with the table is right already.
      if (next !== table && key !== null && concept.value === number) concept.value = numberOf(next, key);
      [table, number, key] = [next, concept.value, this.filteredConcept.value];
    });
  }
}

/** How many of these units are labeled with a concept of a category. */
const inCategory = (table: Table, units: number[], category: string): number =>
  units.filter((unit) => table.best[unit] >= 0 && categoryOf(table, table.best[unit]) === category).length;

/** The list without the item, or with it at the end where it wasn't there. */
function toggled<T>(list: T[], item: T): T[] {
  const rest = list.filter((other) => other !== item);
  return rest.length < list.length ? rest : [...list, item];
}
