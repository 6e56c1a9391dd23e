import { STRIP } from "../../data/image-cache";

/** How cards are laid out at a width. */
export interface Layout {
  /** `row`: text beside the strip; `stack`: text above it. */
  shape: "row" | "stack";
  columns: number;
  /** Side of a thumbnail, and how many stand in a line. */
  thumb: number;
  perLine: number;
  rowHeight: number;
}

export const HEAD = 232;
export const GAP = 3;
const PAD = 10;
// What a card's text takes, beside the strip and above it; `.head` in card.css clips what is higher.
const TEXT_BESIDE = 70;
const TEXT_ABOVE = 72;

/** Layout of a grid `width` pixels wide whose units have `top` images each. */
export function layoutAt(width: number, top: number, paired: boolean): Layout {
  // A result without images is text: as many cards side by side as there is room for.
  const columns = paired ? 2 : top ? (width >= 1840 ? 2 : 1) : Math.max(1, Math.floor(width / 270));
  const room = width / columns - 2 * PAD - (columns > 1 ? 8 : 0);
  const images = Math.max(1, Math.min(STRIP, top));
  if (!paired && room >= 700) {
    const thumb = Math.floor(Math.min(124, (room - HEAD) / images - GAP));
    return {
      shape: "row",
      columns,
      thumb,
      perLine: images,
      rowHeight: Math.max(thumb, TEXT_BESIDE) + 2 * PAD,
    };
  }
  const perLine = room >= 460 ? images : Math.min(images, 5);
  const lines = Math.ceil(images / perLine);
  const thumb = Math.floor(Math.min(110, (room + GAP) / perLine - GAP));
  // A pair of cards has their concept above them, and no line for it of their own.
  const header = paired ? 6 : 0;
  const strip = top ? lines * (thumb + GAP) : 0;
  return { shape: "stack", columns, thumb, perLine, rowHeight: header + TEXT_ABOVE + strip + 2 * PAD };
}

/** Heights that decide which rows are in view. */
export interface Extent {
  rows: number;
  rowHeight: number;
  /** The row below which a unit is opened, −1 = none, and the height of what is opened. */
  openRow: number;
  openHeight: number;
}

export const topOf = (extent: Extent, row: number): number =>
  row * extent.rowHeight + (extent.openRow >= 0 && row > extent.openRow ? extent.openHeight : 0);

export const heightOf = (extent: Extent): number => topOf(extent, extent.rows);

function rowAt(extent: Extent, y: number): number {
  const { openRow, openHeight, rowHeight } = extent;
  const below = (openRow + 1) * rowHeight;
  if (openRow < 0 || y < below) return Math.floor(y / rowHeight);
  return y < below + openHeight ? openRow : Math.floor((y - openHeight) / rowHeight);
}

/** First and last row to keep in the page, never more than `most`. */
export function rowsInView(
  extent: Extent,
  top: number,
  height: number,
  over: number,
  most: number,
): [number, number] {
  const first = Math.max(0, rowAt(extent, top) - over);
  const last = Math.min(extent.rows - 1, rowAt(extent, top + height) + over, first + most - 1);
  return [first, last];
}
