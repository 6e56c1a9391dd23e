import { type Signal, signal } from "@preact/signals-core";
import type { UnitName } from "./synced";

/** Steps that can be taken back. */
const REMEMBERED = 100;

/** What can be done to the units that are selected: one by one, in ranges, all, and back again. */
export class Selection {
  /** How many steps can be taken back. */
  readonly steps = signal(0);
  /** How many units were taken out at once by the last step; 0 = the last step was another. */
  readonly cleared = signal(0);
  readonly #past: UnitName[][] = [];
  /** Where a range begins, and what was selected when it began. */
  #anchor: UnitName | undefined;
  #base: UnitName[] = [];
  /** Where the range that grows ends now. */
  #end: UnitName | undefined;

  constructor(private readonly selected: Signal<UnitName[]>) {}

  has(unit: UnitName): boolean {
    return this.selected.value.includes(unit);
  }

  toggle(unit: UnitName): void {
    const rest = this.selected.value.filter((other) => other !== unit);
    this.#set(rest.length < this.selected.value.length ? rest : [...rest, unit]);
    this.#begin(unit);
  }

  /** Selects all units from the one that was ticked last to this one, as they stand in `order`. */
  extendTo(unit: UnitName, order: UnitName[]): void {
    const first = this.#anchor === undefined ? -1 : order.indexOf(this.#anchor);
    const last = order.indexOf(unit);
    if (first < 0 || last < 0) this.toggle(unit);
    else {
      const range = order.slice(Math.min(first, last), Math.max(first, last) + 1);
      this.#set([...new Set([...this.#base, ...range])], this.#end !== undefined);
      this.#end = unit;
    }
  }

  /** Selects on from a unit to its neighbor: shrinks again when one goes back. */
  extendFrom(from: UnitName, unit: UnitName, order: UnitName[]): void {
    if (this.#end !== from && this.#anchor !== from) this.#begin(from);
    this.extendTo(unit, order);
  }

  add(units: UnitName[]): void {
    this.#set([...new Set([...this.selected.value, ...units])]);
    this.#begin(undefined);
  }

  clear(): void {
    const count = this.selected.value.length;
    this.#set([]);
    this.cleared.value = count;
    this.#begin(undefined);
  }

  /** Takes the last step back; false where there is none. */
  undo(): boolean {
    const before = this.#past.pop();
    if (!before) return false;
    this.selected.value = before;
    this.steps.value = this.#past.length;
    this.cleared.value = 0;
    this.#begin(undefined);
    return true;
  }

  #begin(anchor: UnitName | undefined): void {
    [this.#anchor, this.#base, this.#end] = [anchor, this.selected.value, undefined];
  }

  /** One step, or more of the last one. */
  #set(units: UnitName[], goesOn = false): void {
    const before = this.selected.value;
    this.cleared.value = 0;
    if (String(units) === String(before)) return;
    if (!goesOn) this.#past.push(before);
    if (this.#past.length > REMEMBERED) this.#past.shift();
    this.steps.value = this.#past.length;
    this.selected.value = units;
  }
}
