import type { Field } from "../data/unit-maps";
import type { Overlay } from "../state/gallery-state";
import { viridis } from "./colors";
import { contour } from "./contour";
import { maskOf } from "./upsample";

/** What one thumbnail shows. */
export interface Scene {
  image: CanvasImageSource & { width: number; height: number };
  field: Field | null;
  overlay: Overlay;
  threshold: number;
  /** Range of the heat map's colors. */
  low: number;
  high: number;
  /** Pixels of the canvas per pixel of the page: lines are as thin on every screen. */
  dense: number;
}

/** How much light a mask takes from what is outside it: enough to see, and every color stays. */
const DIMMED: [number, number, number, number] = [10, 14, 20, 0.36];
/** Widths of the outline in pixels of the page: white over dark, so that it is seen on any image. */
const DARK_LINE = 3;
const WHITE_LINE = 1.5;

/** Opacity of the heat map, of 255: it grows with the activation, and is whole from the middle on. */
const MOST_HEAT = 186;
const HEAT_GAIN = 1.4;

/** Where the image lies in the canvas: whole, centered, as large as it can be. */
function placed(canvas: HTMLCanvasElement, image: { width: number; height: number }) {
  const scale = Math.min(canvas.width / image.width, canvas.height / image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  return { x: (canvas.width - width) / 2, y: (canvas.height - height) / 2, width, height };
}

type Place = ReturnType<typeof placed>;

/** Begins a drawing with the image, in gray if what comes over it has colors of its own. */
export function begin(
  canvas: HTMLCanvasElement,
  image: Scene["image"],
  gray: boolean,
): { context: CanvasRenderingContext2D; place: Place } {
  const context = contextOf(canvas);
  const place = placed(canvas, image);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  drawOver(context, place, image);
  if (gray) fill(context, place, "#808080", "saturation");
  return { context, place };
}

export const contextOf = (canvas: HTMLCanvasElement): CanvasRenderingContext2D =>
  canvas.getContext("2d") as CanvasRenderingContext2D;

export function fill(
  context: CanvasRenderingContext2D,
  { x, y, width, height }: Place,
  color: string,
  how: GlobalCompositeOperation = "source-over",
): void {
  context.globalCompositeOperation = how;
  context.fillStyle = color;
  context.fillRect(x, y, width, height);
  context.globalCompositeOperation = "source-over";
}

/** Draws the image and, over it, what the unit saw in it. */
export function paint(canvas: HTMLCanvasElement, scene: Scene): void {
  const { field, overlay } = scene;
  const { context, place } = begin(canvas, scene.image, false);
  if (!field || overlay === "none") return;
  if (overlay === "mask") {
    const outside = (value: number) => !(value > scene.threshold);
    drawOver(context, place, stencil(field, outside, DIMMED));
  } else if (overlay === "heat") {
    drawOver(context, place, heat(field, scene.low, scene.high));
  }
  outline(context, place, field, scene.threshold, scene.dense);
}

/** The grid as a canvas of one color [red, green, blue, opacity] where `inside` holds. */
export function stencil(
  field: Field,
  inside: (value: number, index: number) => boolean,
  [red, green, blue, opacity] = [0, 0, 0, 1],
): HTMLCanvasElement {
  return filled(field, (data, at, value, index) => {
    data[at] = red;
    data[at + 1] = green;
    data[at + 2] = blue;
    data[at + 3] = inside(value, index) ? opacity * 255 : 0;
  });
}

type Fill = (data: Uint8ClampedArray, at: number, value: number, index: number) => void;

function filled(field: Field, set: Fill): HTMLCanvasElement {
  const canvas = newCanvas(field.width, field.height);
  const context = contextOf(canvas);
  const pixels = context.createImageData(field.width, field.height);
  field.values.forEach((value, index) => {
    set(pixels.data, index * 4, value, index);
  });
  context.putImageData(pixels, 0, 0);
  return canvas;
}

export function newCanvas(width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

export function drawOver(
  context: CanvasRenderingContext2D,
  { x, y, width, height }: Place,
  layer: CanvasImageSource,
  how: GlobalCompositeOperation = "source-over",
): void {
  context.globalCompositeOperation = how;
  context.drawImage(layer, x, y, width, height);
  context.globalCompositeOperation = "source-over";
}

/** Colors of the activation, that let the photograph through: wholly where it is low, a little where it is high. */
function heat(field: Field, low: number, high: number): HTMLCanvasElement {
  const span = high - low || 1;
  return filled(field, (data, at, value) => {
    const level = Math.max(0, Math.min(255, Math.round(((value - low) / span) * 255)));
    for (let channel = 0; channel < 3; channel++) data[at + channel] = viridis[level * 3 + channel];
    data[at + 3] = Math.min(MOST_HEAT, level * HEAT_GAIN);
  });
}

/** A white line over a dark one. */
export function outline(
  context: CanvasRenderingContext2D,
  place: Place,
  field: Field,
  level: number,
  dense: number,
): void {
  const lines = contour(field.values, field.height, field.width, level);
  if (!lines.length) return;
  const [sx, sy] = [place.width / field.width, place.height / field.height];
  context.beginPath();
  for (let i = 0; i < lines.length; i += 4) {
    context.moveTo(place.x + lines[i] * sx, place.y + lines[i + 1] * sy);
    context.lineTo(place.x + lines[i + 2] * sx, place.y + lines[i + 3] * sy);
  }
  context.lineCap = "round";
  for (const [color, width] of [
    ["#14181f", DARK_LINE],
    ["#fff", WHITE_LINE],
  ] as const) {
    context.strokeStyle = color;
    context.lineWidth = width * dense;
    context.stroke();
  }
}

/** Share of the image that the mask covers. */
export function coverage(field: Field, threshold: number): number {
  return maskOf(field.values, threshold).reduce((sum, bit) => sum + bit, 0) / field.values.length;
}
