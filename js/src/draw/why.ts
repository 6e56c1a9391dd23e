import type { Field } from "../data/unit-maps";
import { begin, contextOf, drawOver, newCanvas, outline, type Scene, stencil } from "./overlay";
import { maskOf } from "./upsample";

/** Pixels of one image: the unit's only, the concept's only, both. */
export interface Shares {
  unit: number;
  concept: number;
  both: number;
}

/** 1 = unit only, 2 = concept only, 3 = both, 0 = neither. */
export function overlap(field: Field, threshold: number, labels: Uint8Array): Uint8Array {
  const parts = maskOf(field.values, threshold);
  for (let i = 0; i < parts.length; i++) parts[i] |= labels[i] << 1;
  return parts;
}

export function sharesOf(parts: Uint8Array): Shares {
  const counts = [0, 0, 0, 0];
  for (const part of parts) counts[part]++;
  return { unit: counts[1], concept: counts[2], both: counts[3] };
}

/** The three fills. Their edges differ without color: strokes, dots, a line. */
export const PATTERNS = [
  { part: 1, color: "#f0a30a" },
  { part: 2, color: "#2f9be0" },
  { part: 3, color: "#fff" },
] as const;

/** How much of the image a fill hides, and how wide its edge is in pixels of the page. */
const FILL = 0.3;
const EDGE = 4;
/** How much thicker than that of a mask the line around what both have is. */
const THICK = 1.5;
/** Side of a pattern's tile, in pixels of the page. */
const TILE = 5;
/** What was counted stands out a little from the rest of the image. */
const REST = "rgba(10,14,20,0.28)";

/** What an edge is drawn with: strokes or dots on dark. */
function pattern(context: CanvasRenderingContext2D, color: string, strokes: boolean, dense: number) {
  const size = Math.round(TILE * dense);
  const tile = newCanvas(size, size);
  const ink = contextOf(tile);
  ink.fillStyle = "#14181f";
  ink.fillRect(0, 0, size, size);
  ink.fillStyle = ink.strokeStyle = color;
  ink.beginPath();
  if (strokes) {
    ink.lineWidth = size / 2.2;
    for (const shift of [-size, 0, size]) {
      ink.moveTo(shift - 1, size + 1);
      ink.lineTo(shift + size + 1, -1);
    }
    ink.stroke();
  } else {
    ink.arc(size / 2, size / 2, size / 3, 0, 7);
    ink.fill();
  }
  return context.createPattern(tile, "repeat") as CanvasPattern;
}

/** Draws one of the fills alone, with its edge, for the legend. */
export function paintPattern(canvas: HTMLCanvasElement, part: number, dense: number): void {
  const context = contextOf(canvas);
  const { width, height } = canvas;
  const { color } = PATTERNS[part - 1];
  const edge = EDGE * dense;
  // As in an image: what both have is white within a white line on dark.
  context.fillStyle = part === 3 ? "#14181f" : pattern(context, color, part === 1, dense);
  context.fillRect(0, 0, width, height);
  if (part === 3) {
    const line = THICK * dense;
    context.fillStyle = color;
    context.fillRect(line, line, width - 2 * line, height - 2 * line);
  }
  context.fillStyle = "#59616d";
  context.fillRect(edge, edge, width - 2 * edge, height - 2 * edge);
  context.globalAlpha = part === 3 ? 0.75 : FILL;
  context.fillStyle = color;
  context.fillRect(edge, edge, width - 2 * edge, height - 2 * edge);
}

/** Draws the image and, over it, where unit and concept are: fills that one sees the object through. */
export function paintWhy(canvas: HTMLCanvasElement, scene: Scene, parts: Uint8Array): void {
  const { field, dense } = scene;
  if (!field) return;
  const { context, place } = begin(canvas, scene.image, false);
  const shown = (inside: (index: number) => boolean) => {
    const layer = newCanvas(canvas.width, canvas.height);
    const ink = contextOf(layer);
    ink.imageSmoothingEnabled = false; // these are pixels that were counted: show them as they are
    drawOver(
      ink,
      place,
      stencil(field, (_, index) => inside(index)),
    );
    ink.globalCompositeOperation = "source-in";
    return { layer, ink };
  };
  const paint = (inside: (index: number) => boolean, style: string | CanvasPattern, alpha = 1) => {
    const { layer, ink } = shown(inside);
    ink.fillStyle = style;
    ink.fillRect(0, 0, layer.width, layer.height);
    context.globalAlpha = alpha;
    context.drawImage(layer, 0, 0);
    context.globalAlpha = 1;
  };
  paint((index) => parts[index] === 0, REST);
  const reach = Math.max(1, Math.round((EDGE * dense * field.width) / place.width));
  const [unit, concept, both] = PATTERNS;
  for (const { part, color } of [unit, concept]) {
    const inner = eroded(parts, part, field, reach);
    paint((index) => inner[index] === 1, color, FILL);
    paint(
      (index) => parts[index] === part && !inner[index],
      pattern(context, color, part === unit.part, dense),
    );
  }
  paint((index) => parts[index] === both.part, both.color, FILL);
  const shared = Float32Array.from(parts, (part) => (part === both.part ? 1 : 0));
  outline(context, place, { ...field, values: shared }, 0.5, THICK * dense); // white alone would be lost on white
}

/** The pixels of a part that are further than `reach` from any that isn't of it; the image's border is no edge. */
export function eroded(
  parts: Uint8Array,
  part: number,
  { height, width }: { height: number; width: number },
  reach: number,
): Uint8Array {
  let inner = parts.map((one) => (one === part ? 1 : 0));
  for (let step = 0; step < reach; step++) {
    const before = inner;
    inner = before.map((one, at) => {
      const column = at % width;
      return one &&
        (at < width || before[at - width]) &&
        (at >= width * (height - 1) || before[at + width]) &&
        (column === 0 || before[at - 1]) &&
        (column === width - 1 || before[at + 1])
        ? 1
        : 0;
    });
  }
  return inner;
}
