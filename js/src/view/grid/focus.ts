import { focused, focusOn, focusSearch } from "../../dom";
import type { Scope } from "../../scope";
import type { GridElements, GridModel } from "./model";

/** Moves the focus between the cells: one of them is reached by Tab, and what is focused is in view. */
export class GridFocus {
  constructor(
    private readonly model: GridModel,
    private readonly elements: GridElements,
  ) {}

  /** Whether the focus is in an element. */
  isIn(element: HTMLElement): boolean {
    return element.contains(focused(element));
  }

  /** Focuses the nearest cell to a row and column; the search field where there is none. */
  moveTo(row: number, column: number): void {
    const { rows } = this.model;
    const at = Math.max(0, Math.min(rows.value.length - 1, row));
    const cells = rows.value[at]?.cells ?? [];
    const cell = cells[Math.max(0, Math.min(cells.length - 1, column))] ?? cells.find(Boolean);
    if (cell) this.activate(at, this.model.idOf(rows.value[at], cell));
    else focusSearch(this.elements.list);
  }

  /** Makes a cell of a row the active one, focuses it, and scrolls as little as is needed to see its row. */
  activate(row: number, id: string): void {
    const { model } = this;
    model.reach(row);
    model.active.value = id;
    model.wanted.value = row; // draws the cell, if it wasn't in view
    this.focusId(id);
    const cell = this.#cells().find((one) => one.dataset.cell === id);
    cell?.closest(".line")?.scrollIntoView({ block: "nearest" });
  }

  /** Keeps the focus in the grid when what had it is gone: on the same cell, or the one in its place. */
  restore(): void {
    this.moveTo(...this.model.locate(this.model.active.value));
  }

  focusId(id: string): void {
    focusOn(this.#cells().find((cell) => cell.dataset.cell === id));
  }

  /** One cell is reached by Tab: the active one, or the first where that one isn't here. */
  markActive(): void {
    const cells = this.#cells();
    const current = cells.find((cell) => cell.dataset.cell === this.model.active.peek()) ?? cells[0];
    for (const cell of cells) cell.tabIndex = cell === current ? 0 : -1;
  }

  followActive(scope: Scope): void {
    scope.effect(() => {
      this.model.active.value;
      this.markActive();
    });
  }

  #cells(): HTMLElement[] {
    return [...this.elements.body.querySelectorAll<HTMLElement>("[data-cell]")];
  }
}
