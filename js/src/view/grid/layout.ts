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
  /** What is left of a row, above the unit that is opened in it. */
  openHead: number;
}

export const HEAD = 232;
export const GAP = 3;
const PAD = 10;
// What a card's text takes, beside the strip and above it; `.head` in card.css clips what is higher.
const TEXT_BESIDE = 70;
const TEXT_ABOVE = 72;
/** The text of a card whose unit is opened, without its strip; other cards beside it keep theirs. */
const OPEN_HEAD = TEXT_ABOVE + 2 * PAD;

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
      openHead: columns > 1 ? Math.max(thumb, TEXT_BESIDE) + 2 * PAD : OPEN_HEAD,
    };
  }
  const perLine = room >= 460 ? images : Math.min(images, 5);
  const lines = Math.ceil(images / perLine);
  const thumb = Math.floor(Math.min(110, (room + GAP) / perLine - GAP));
  // A pair of cards has their concept above them, and no line for it of their own.
  const header = paired ? 6 : 0;
  const strip = top ? lines * (thumb + GAP) : 0;
  const rowHeight = header + TEXT_ABOVE + strip + 2 * PAD;
  const openHead = columns > 1 ? rowHeight : OPEN_HEAD;
  return { shape: "stack", columns, thumb, perLine, rowHeight, openHead };
}

/** Heights that decide where rows stand. */
export interface Extent {
  rows: number;
  rowHeight: number;
  /** The row in which a unit is opened, −1 = none. */
  openRow: number;
  /** What is left of that row above the opened unit, and the height of the unit. */
  openHead: number;
  openHeight: number;
}

/** By how much the opened row is higher than the others. */
const surplus = ({ rowHeight, openHead, openHeight }: Extent): number => openHead + openHeight - rowHeight;

export const topOf = (extent: Extent, row: number): number =>
  row * extent.rowHeight + (extent.openRow >= 0 && row > extent.openRow ? surplus(extent) : 0);

export const heightOf = (extent: Extent): number => topOf(extent, extent.rows);

function rowAt(extent: Extent, y: number): number {
  const { openRow, rowHeight } = extent;
  if (openRow < 0 || y < openRow * rowHeight) return Math.floor(y / rowHeight);
  const below = topOf(extent, openRow + 1);
  return y < below ? openRow : openRow + 1 + Math.floor((y - below) / rowHeight);
}

/** First and last row that lie between two heights, never more than `most`. */
export function rowsBetween(extent: Extent, top: number, bottom: number, most: number): [number, number] {
  const first = Math.max(0, rowAt(extent, top));
  const last = Math.min(extent.rows - 1, rowAt(extent, bottom), first + most - 1);
  return [first, last];
}
