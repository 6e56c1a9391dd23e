import { computed, signal } from "@preact/signals-core";
import type { State } from "../../state/state";
import type { Cell } from "../card";
import { fullIou } from "../iou";
import { type Extent, layoutAt } from "./layout";
import { addressOf, pairedRows, type Row, unitRows } from "./rows";

/** The elements of the grid: what scrolls, the grid itself, and the place of an opened unit. */
export interface GridElements {
  viewport: HTMLElement;
  body: HTMLElement;
  page: HTMLElement;
}

/** What the parts of the grid share: its rows, what of them is in view, which cell is active. */
export class GridModel {
  readonly width = signal(0);
  readonly height = signal(640);
  readonly scrolled = signal(0);
  readonly openHeight = signal(0);
  /** Id of the cell that Tab reaches. */
  readonly active = signal("");
  /** In a comparison one unit may stand in several rows: the key of the one in which it was opened. */
  openedIn = "";
  /** Row and column of the cell that had the focus last. */
  lastFocus: [row: number, column: number] = [0, 0];

  readonly layout = computed(() => {
    const top = Math.max(...this.state.visibleTables.value.map((table) => table.top));
    return layoutAt(this.width.value, top, !!this.state.sides.value);
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
  readonly extent = computed<Extent>(() => ({
    rows: this.rows.value.length,
    rowHeight: this.layout.value.rowHeight,
    openRow: this.openRow.value,
    openHeight: this.openHeight.value,
  }));

  constructor(readonly state: State) {}

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
