import { computed, signal } from "@preact/signals-core";
import type { State } from "../../state/state";
import type { Cell } from "../card";
import { fullIou } from "../iou";
import { type Extent, layoutAt, layoutOnPaper } from "./layout";
import { addressOf, pairedRows, type Row, unitRows } from "./rows";

/** The elements of the grid: the list, in it the grid itself, and the place of an opened unit. */
export interface GridElements {
  list: HTMLElement;
  body: HTMLElement;
  page: HTMLElement;
}

/** What the parts of the grid share: its rows, what of them is in view, which cell is active. */
export class GridModel {
  readonly width = signal(0);
  /** What of the list is in view, and some more: pixels from its top. At first nobody knows: its beginning. */
  readonly inView = signal<[top: number, bottom: number]>([0, 900]);
  readonly openHeight = signal(0);
  /** A row that is drawn though it isn't in view: what is about to have the focus. */
  readonly wanted = signal(-1);
  /** Id of the cell that Tab reaches. */
  readonly active = signal("");
  /** In a comparison one unit may stand in several rows: the key of the one in which it was opened. */
  openedIn = "";
  /** Row and column of the cell that had the focus last. */
  lastFocus: [row: number, column: number] = [0, 0];

  readonly layout = computed(() => {
    const top = Math.max(...this.state.visibleTables.value.map((table) => table.top));
    const paired = !!this.state.sides.value;
    return this.state.local.printing.value
      ? layoutOnPaper(top, paired)
      : layoutAt(this.width.value, top, paired);
  });
  /** The IoU of a whole bar. */
  readonly fullIou = computed(() => Math.max(...this.state.visibleTables.value.map(fullIou)));
  readonly rows = computed<Row[]>(() =>
    this.state.sides.value ? pairedRows(this.state) : unitRows(this.state, this.layout.value.columns),
  );
  /** The row below which a unit is opened, −1 = none. */
  readonly openRow = computed(() => {
    const opened = this.state.synced.opened.value;
    if (!opened) return -1;
    const holds = (row: Row) => row.cells.some((cell) => cell && addressOf(this.state, cell) === opened);
    const there = this.rows.value.findIndex((row) => row.key === this.openedIn && holds(row));
    return there >= 0 ? there : this.rows.value.findIndex(holds);
  });
  /** What is opened: a unit, or in a comparison both of a row. */
  readonly openCells = computed<Cell[]>(() => {
    const { sides, synced } = this.state;
    const cells = (this.rows.value[this.openRow.value]?.cells ?? []).filter((cell) => !!cell);
    return sides.value ? cells : cells.filter((cell) => addressOf(this.state, cell) === synced.opened.value);
  });
  /** How many rows the list has until somebody asks for more; it reaches to the opened unit. */
  readonly limit = computed(() => {
    const { limit } = this.state.local;
    const rows = Math.ceil(limit.value / (this.state.sides.value ? 1 : this.layout.value.columns));
    return Math.min(this.rows.value.length, Math.max(rows, this.openRow.value + 1));
  });
  readonly extent = computed<Extent>(() => ({
    rows: this.limit.value,
    rowHeight: this.layout.value.rowHeight,
    openHead: this.layout.value.openHead,
    openRow: this.openRow.value,
    openHeight: this.openHeight.value,
  }));

  constructor(readonly state: State) {}

  /** Lets the list reach to a row at least. */
  reach(row: number): void {
    if (row < this.limit.peek()) return;
    const columns = this.state.sides.peek() ? 1 : this.layout.peek().columns;
    this.state.local.more.value = (row + 1) * columns - this.state.local.first.peek();
  }

  /** What names a cell: its row and its unit. */
  idOf(row: Row, cell: Cell | null | undefined): string {
    return cell ? `${row.key}\n${addressOf(this.state, cell)}` : "";
  }

  /** Row and column of a cell; where it is gone, those of the one that had the focus last. */
  locate(id: string): [row: number, column: number] {
    const rows = this.rows.value;
    const row = rows.findIndex((one) => one.cells.some((cell) => this.idOf(one, cell) === id));
    if (row < 0) return this.lastFocus;
    return [row, rows[row].cells.findIndex((cell) => this.idOf(rows[row], cell) === id)];
  }

  /** The unit of a cell, or of the one in its place. */
  cellAt(id: string): Cell | null | undefined {
    const [row, column] = this.locate(id);
    return this.rows.value[row]?.cells[column];
  }

  /** Tells an effect whether it runs for newer results of the same layers. */
  renewal(): () => boolean {
    const { tables } = this.state.synced;
    let before = tables.peek();
    return () => {
      const renewed = before !== tables.value;
      before = tables.value;
      return renewed;
    };
  }
}
