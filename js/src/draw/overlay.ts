import { viridis } from "./colors";
import { contour } from "./contour";
import { maskOf } from "./upsample";

export type Overlay = "mask" | "outline" | "heat" | "none";

/** A raw activation map on the mask grid of its image. */
export interface Field {
  values: Float32Array;
  height: number;
  width: number;
}

/** What one thumbnail shows. */
export interface Scene {
  picture: CanvasImageSource & { width: number; height: number };
  field: Field | null;
  overlay: Overlay;
  threshold: number;
  /** Range of the heat map's colours. */
  low: number;
  high: number;
}

/** Where the picture lies in the canvas: whole, centred, as large as it can be. */
function placed(canvas: HTMLCanvasElement, picture: { width: number; height: number }) {
  const scale = Math.min(canvas.width / picture.width, canvas.height / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  return { x: (canvas.width - width) / 2, y: (canvas.height - height) / 2, width, height };
}

type Place = ReturnType<typeof placed>;

/** Begins a drawing with the picture, in grey if what comes over it has colours of its own. */
export function begin(
  canvas: HTMLCanvasElement,
  picture: Scene["picture"],
  grey: boolean,
): { context: CanvasRenderingContext2D; place: Place } {
  const context = contextOf(canvas);
  const place = placed(canvas, picture);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  over(context, place, picture);
  if (grey) fill(context, place, "#808080", "saturation");
  return { context, place };
}

export const contextOf = (canvas: HTMLCanvasElement): CanvasRenderingContext2D =>
  canvas.getContext("2d") as CanvasRenderingContext2D;

export function fill(
  context: CanvasRenderingContext2D,
  { x, y, width, height }: Place,
  colour: string,
  how: GlobalCompositeOperation = "source-over",
): void {
  context.globalCompositeOperation = how;
  context.fillStyle = colour;
  context.fillRect(x, y, width, height);
  context.globalCompositeOperation = "source-over";
}

/** Draws the picture and, over it, what the unit saw in it. */
export function paint(canvas: HTMLCanvasElement, scene: Scene): void {
  const { field, overlay } = scene;
  const { context, place } = begin(canvas, scene.picture, !!field && overlay === "heat");
  if (!field || overlay === "none") return;
  if (overlay === "mask") {
    const outside = (value: number) => !(value > scene.threshold);
    // Less colour first, then a veil: what surrounds the mask stays readable, in dark photographs too.
    over(context, place, stencil(field, outside, [128, 128, 128, 0.7]), "saturation");
    over(context, place, stencil(field, outside, [12, 16, 22, 0.38]));
  } else if (overlay === "heat") {
    context.globalAlpha = 0.68;
    over(context, place, heat(field, scene.low, scene.high));
    context.globalAlpha = 1;
  }
  outline(context, place, field, scene.threshold);
}

/** The grid as a canvas of one colour [red, green, blue, opacity] where `inside` holds. */
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
  const canvas = sheet(field.width, field.height);
  const context = contextOf(canvas);
  const pixels = context.createImageData(field.width, field.height);
  field.values.forEach((value, index) => {
    set(pixels.data, index * 4, value, index);
  });
  context.putImageData(pixels, 0, 0);
  return canvas;
}

export function sheet(width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

export function over(
  context: CanvasRenderingContext2D,
  { x, y, width, height }: Place,
  layer: CanvasImageSource,
  how: GlobalCompositeOperation = "source-over",
): void {
  context.globalCompositeOperation = how;
  context.drawImage(layer, x, y, width, height);
  context.globalCompositeOperation = "source-over";
}

function heat(field: Field, low: number, high: number): HTMLCanvasElement {
  const span = high - low || 1;
  return filled(field, (data, at, value) => {
    const level = Math.max(0, Math.min(255, Math.round(((value - low) / span) * 255)));
    for (let channel = 0; channel < 3; channel++) data[at + channel] = viridis[level * 3 + channel];
    data[at + 3] = 255;
  });
}

/** A white line with a dark edge, visible on any photograph. */
export function outline(context: CanvasRenderingContext2D, place: Place, field: Field, level: number): void {
  const lines = contour(field.values, field.height, field.width, level);
  if (!lines.length) return;
  const [sx, sy] = [place.width / field.width, place.height / field.height];
  context.beginPath();
  for (let i = 0; i < lines.length; i += 4) {
    context.moveTo(place.x + lines[i] * sx, place.y + lines[i + 1] * sy);
    context.lineTo(place.x + lines[i + 2] * sx, place.y + lines[i + 3] * sy);
  }
  const thin = Math.max(1.1, Math.min(2, context.canvas.width / 120));
  context.lineCap = "round";
  for (const [colour, width] of [
    ["rgba(0,0,0,0.5)", thin * 2],
    ["#fff", thin],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.stroke();
  }
}

/** Share of the image that the mask covers. */
export function coverage(field: Field, threshold: number): number {
  return maskOf(field.values, threshold).reduce((sum, bit) => sum + bit, 0) / field.values.length;
}
