import { STRIP } from "../../data/image-cache";
import { FIRST_UNITS } from "../../state/local";

/** How cards are laid out at a width. */
export interface Layout {
  /** `row`: text beside the strip; `stack`: text above it. */
  shape: "row" | "stack";
  columns: number;
  /** Side of a thumbnail, how many stand in a line, and how many a strip shows at most. */
  thumb: number;
  perLine: number;
  shown: number;
  rowHeight: number;
  /** In a comparison too narrow for two: the cards of a row stand one below the other. */
  stacked?: boolean;
  /** What is left of a row, above the unit that is opened in it. */
  openHead: number;
}

/** Width of the text beside a strip: less where that lets one more image stand there; as in card.css. */
const [HEAD, NARROW_HEAD, ROOMY] = [232, 208, 920];
export const GAP = 3;
const PAD = 10;
/** Sides of a thumbnail: smaller ones show nothing; of larger ones there would be fewer in view. */
const LEAST_THUMB = 96;
const MOST_THUMB = 124;
// What a card's text takes, beside the strip and above it; `.head` in card.css clips what is higher.
const TEXT_BESIDE = 70;
const TEXT_ABOVE = 72;
/** The text of a card whose unit is opened, without its strip: a block, or a line where there is room. */
const OPEN_BLOCK = TEXT_ABOVE + 2 * PAD;
export const OPEN_LINE = 44;
/** Width of a grid in which an opened unit has its images beside its numbers, as unit.css has it. */
const WIDE = 736;

/** Layout of a grid `width` pixels wide whose units have `top` images each. */
export function layoutAt(width: number, top: number, paired: boolean): Layout {
  if (paired) return pairedLayout(width, top);
  // A result without images is text: as many cards side by side as there is room for.
  const columns = top ? (width >= 1840 ? 2 : 1) : Math.max(1, Math.floor(width / 270));
  const room = width / columns - 2 * PAD - (columns > 1 ? 8 : 0);
  const images = Math.max(1, Math.min(STRIP, top));
  const shape = room >= 700 ? "row" : "stack";
  const line = lineOf(shape === "row" ? room - (width >= ROOMY ? HEAD : NARROW_HEAD) : room, images);
  // Few images in a line are not enough to tell what a unit responds to: then there are two lines.
  const lines = shape === "stack" && line.perLine < Math.min(images, 5) ? 2 : 1;
  const rowHeight = heightOfRow(shape, line.thumb, top ? lines : 0);
  const openHead = columns > 1 ? rowHeight : width >= WIDE ? OPEN_LINE : OPEN_BLOCK;
  return { shape, columns, ...line, shown: Math.min(images, lines * line.perLine), rowHeight, openHead };
}

/** On paper the style sheet tells sizes, for no code knows the paper's: all images, and texts in two columns. */
export const layoutOnPaper = (top: number, paired: boolean): Layout => ({
  shape: "stack",
  columns: paired || !top ? 2 : 1,
  thumb: 0,
  perLine: STRIP,
  shown: Math.min(STRIP, top),
  rowHeight: 0,
  openHead: 0,
});

/** As many images as there is room for: fewer rather than smaller ones. */
function lineOf(room: number, images: number): { thumb: number; perLine: number } {
  const fits = Math.floor((room + GAP) / (LEAST_THUMB + GAP));
  const perLine = Math.max(1, Math.min(images, fits));
  return { perLine, thumb: Math.floor(Math.min(MOST_THUMB, (room + GAP) / perLine - GAP)) };
}

function heightOfRow(shape: Layout["shape"], thumb: number, lines: number): number {
  if (shape === "row") return Math.max(lines && thumb, TEXT_BESIDE) + 2 * PAD;
  return TEXT_ABOVE + lines * (thumb + GAP) + 2 * PAD;
}

/** Below this width the cards of a comparison stand one below the other. */
const STACKED = 600;
// The concept of both cards, and the text of one, above its strip and alone; as in the style sheets.
const [TOPIC, PAIR_TEXT, PAIR_ALONE] = [28, 66, 54];

/** A comparison: two cards, and above them the concept of both. */
function pairedLayout(width: number, top: number): Layout {
  const stacked = width < STACKED;
  const room = (stacked ? width : width / 2 - 4) - 2 * PAD;
  const line = lineOf(room, Math.max(1, Math.min(STRIP, top)));
  const [cards, strip] = [stacked ? 2 : 1, top ? line.thumb + GAP : 0];
  const openHead = TOPIC + cards * PAIR_ALONE;
  const rowHeight = TOPIC + cards * (PAIR_TEXT + strip);
  return { shape: "stack", columns: 2, ...line, shown: line.perLine, rowHeight, openHead, stacked };
}

/** Pixels of the first rows of a list, so that the cell below a notebook's gallery is not far. */
const FIRST_PIXELS = 1000;

/** How many units the list begins with: eight, or fewer where they are high, but some. */
export const firstUnits = (rowHeight: number): number =>
  rowHeight <= 150 ? FIRST_UNITS : Math.max(3, Math.min(FIRST_UNITS, Math.floor(FIRST_PIXELS / rowHeight)));

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
