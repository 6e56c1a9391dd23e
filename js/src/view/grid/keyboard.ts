import { runsCell, scrollerOf } from "../../dom";
import type { GridFocus } from "./focus";
import type { GridElements, GridModel } from "./model";
import type { OpenedUnit } from "./opened-unit";

/** The cell that an event happened in. */
export const cellAround = (event: Event): HTMLElement | null =>
  (event.target as Element).closest<HTMLElement>("[role=gridcell]");

/** The keys of the grid: arrows, Home, End, pages; Enter, Escape, Space and c for the cell that has the focus. */
export function keyboard(
  model: GridModel,
  { list }: GridElements,
  focus: GridFocus,
  opened: OpenedUnit,
): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || runsCell(event)) return;
    const cell = cellAround(event);
    const id = cell?.dataset.cell;
    if (!cell || !id) return;
    const actions = { ...movesFrom(id, model, list, focus), ...actionsOn(cell, id, model, opened) };
    // Keys that a button inside the cell gets are its own, but for Escape.
    const action = event.target === cell || event.key === "Escape" ? actions[event.key] : undefined;
    if (!action) return;
    event.preventDefault();
    action();
    if (event.shiftKey && event.key.startsWith("Arrow")) extendSelection(model, id);
  };
}

/** Selects on from a cell to the one that has the focus now, where both are of one dissection. */
function extendSelection(model: GridModel, from: string): void {
  const { state } = model;
  const [first, last] = [model.cellAt(from), model.cellAt(model.active.value)];
  if (!first || !last || first.table !== last.table) return;
  const [start, end] = [first, last].map(({ table, unit }) => state.nameOf(table, unit));
  state.selection.extendFrom(start, end, state.shownOf(first.table));
}

type Actions = Record<string, () => void>;

function movesFrom(id: string, model: GridModel, list: HTMLElement, focus: GridFocus): Actions {
  const { columns, rowHeight } = model.layout.value;
  const [row, column] = model.locate(id);
  const paged = Math.max(1, Math.floor(scrollerOf(list).clientHeight / rowHeight) - 1);
  /** From cell to cell, over the ends of the rows. */
  const step = (cells: number) => {
    const at = row * columns + column + cells;
    if (at >= 0) focus.moveTo(Math.floor(at / columns), at % columns);
  };
  return {
    ArrowDown: () => focus.moveTo(row + 1, column),
    ArrowUp: () => focus.moveTo(row - 1, column),
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    Home: () => focus.moveTo(0, 0),
    End: () => focus.moveTo(model.rows.value.length - 1, columns - 1),
    PageDown: () => focus.moveTo(row + paged, column),
    PageUp: () => focus.moveTo(row - paged, column),
  };
}

function actionsOn(cell: HTMLElement, id: string, model: GridModel, opened: OpenedUnit): Actions {
  return {
    Enter: () => opened.toggle(id, true),
    Escape: () => opened.close(),
    " ": () => {
      const at = model.cellAt(id);
      if (at) model.state.toggleSelected(at.table, at.unit);
    },
    c: () => cell.querySelector<HTMLElement>(".address")?.click(),
  };
}
