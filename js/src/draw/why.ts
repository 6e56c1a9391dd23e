import type { Field } from "../data/unit-maps";
import { begin, contextOf, drawOver, fill, newCanvas, type Scene, stencil } from "./overlay";
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

/** The three patterns, drawn so that they differ without color: strokes, dots, a net. */
export const PATTERNS = [
  { part: 1, color: "#e69f00" },
  { part: 2, color: "#56b4e9" },
  { part: 3, color: "#fff" },
] as const;

function pattern(
  context: CanvasRenderingContext2D,
  part: number,
  color: string,
  dense: number,
): CanvasPattern {
  const size = Math.round(6 * dense);
  const tile = newCanvas(size, size);
  const ink = contextOf(tile);
  ink.fillStyle = ink.strokeStyle = color;
  if (part & 1) {
    // The image is seen through the net: what both agree on is what one wants to see.
    ink.lineWidth = size / (part === 1 ? 3.2 : 7);
    ink.beginPath();
    for (const shift of [-size, 0, size]) {
      ink.moveTo(shift - 1, size + 1);
      ink.lineTo(shift + size + 1, -1);
      if (part === 1) continue;
      ink.moveTo(shift - 1, -1);
      ink.lineTo(shift + size + 1, size + 1);
    }
    ink.stroke();
    ink.globalAlpha = 0.22;
    if (part === 3) ink.fillRect(0, 0, size, size);
  } else {
    ink.beginPath();
    ink.arc(size / 2, size / 2, size / 3.4, 0, 7);
    ink.fill();
  }
  return context.createPattern(tile, "repeat") as CanvasPattern;
}

/** Draws one of the patterns alone, for the legend. */
export function paintPattern(canvas: HTMLCanvasElement, part: number): void {
  const context = contextOf(canvas);
  const { width, height } = canvas;
  for (const style of ["#39404a", pattern(context, part, PATTERNS[part - 1].color, width / 24)]) {
    context.fillStyle = style;
    context.fillRect(0, 0, width, height);
  }
}

/** Draws the image in gray and, in three patterns, where unit and concept are. */
export function paintWhy(canvas: HTMLCanvasElement, scene: Scene, parts: Uint8Array, dense: number): void {
  if (!scene.field) return;
  const { context, place } = begin(canvas, scene.image, true);
  fill(context, place, "rgba(12,16,22,0.5)");
  for (const { part, color } of PATTERNS) {
    const layer = newCanvas(canvas.width, canvas.height);
    const ink = contextOf(layer);
    ink.imageSmoothingEnabled = false; // these are pixels that were counted: show them as they are
    drawOver(
      ink,
      place,
      stencil(scene.field, (_, index) => parts[index] === part),
    );
    ink.globalCompositeOperation = "source-in";
    ink.fillStyle = pattern(ink, part, color, dense);
    ink.fillRect(0, 0, layer.width, layer.height);
    context.drawImage(layer, 0, 0);
  }
}
