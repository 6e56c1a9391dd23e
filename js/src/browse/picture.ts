import { focused, focusOn, h, set } from "../dom";
import { contextOf, newCanvas, paint } from "../draw/overlay";
import type { Scope } from "../scope";
import { percent } from "./concepts";
import type { BrowseState, Shown } from "./state";

const UNKNOWN = 65_535;
/** Pixels on the longer side of a canvas, at most; how much an image is enlarged at most. */
const MOST_PIXELS = 1600;
const MOST_ENLARGED = 4;
const OPACITY = 150;

/** A color for each concept: neighbors in the list differ most. Names stand beside them, and under the mouse. */
export const colorOf = (concept: number): string => `hsl(${(concept * 137.508) % 360} 75% 55%)`;

/** The image in the colors of its labels, or with one concept alone. */
export function picture(state: BrowseState, scope: Scope): HTMLElement {
  const canvas = h("canvas", { role: "img", "aria-label": "Image" });
  const under = h("p.under");
  const stage = h("div.stage", canvas);
  const width = () => Math.max(120, stage.clientWidth);
  const draw = () => {
    const shown = state.shown.value;
    canvas.dataset.state = shown?.reply.index === state.index.value ? "here" : "coming";
    if (!shown) return;
    const scale = Math.min(MOST_ENLARGED, width() / shown.bitmap.width, 480 / shown.bitmap.height);
    const dense = Math.min(
      devicePixelRatio || 1,
      MOST_PIXELS / (scale * Math.max(shown.bitmap.width, shown.bitmap.height)),
    );
    canvas.width = Math.round(shown.bitmap.width * scale * dense);
    canvas.height = Math.round(shown.bitmap.height * scale * dense);
    canvas.style.width = `${shown.bitmap.width * scale}px`;
    const concept = state.concept.value;
    if (concept >= 0) drawOne(canvas, shown, concept, state.hidden.value, dense);
    else drawAll(canvas, shown, state.hidden.value);
    const { index, concepts } = shown.reply;
    const names = concepts.map((c) => state.table.names[c]);
    set(canvas, { "aria-label": `Image ${index}: ${names.join(", ") || "no label"}` });
  };
  scope.effect(draw);
  const sizes = new ResizeObserver(() => draw());
  sizes.observe(stage);
  scope.onCleanup(() => sizes.disconnect());
  set(canvas, {
    onpointermove: (event: PointerEvent) => {
      under.textContent = namesAt(state, canvas, event);
    },
    onpointerleave: () => {
      under.textContent = "";
    },
  });
  return h("div.frame", stage, under);
}

/** The pixels of a concept as a field of 0 and 1. */
function fieldOf({ reply, planes }: Shown, concept: number, hidden: ReadonlySet<number>) {
  const [height, width] = reply.grid;
  const values = new Float32Array(height * width);
  const value = reply.concepts.indexOf(concept) + 1;
  if (value && reply.whole.includes(concept)) values.fill(1);
  if (value)
    planes.forEach((plane, k) => {
      if (hidden.has(k)) return;
      for (let i = 0; i < plane.length; i++) if (plane[i] === value) values[i] = 1;
    });
  return { values, height, width };
}

function drawOne(
  canvas: HTMLCanvasElement,
  shown: Shown,
  concept: number,
  hidden: ReadonlySet<number>,
  dense: number,
): void {
  const field = fieldOf(shown, concept, hidden);
  paint(canvas, { image: shown.bitmap, field, overlay: "mask", threshold: 0.5, low: 0, high: 1, dense });
}

function drawAll(
  canvas: HTMLCanvasElement,
  { reply, bitmap, planes }: Shown,
  hidden: ReadonlySet<number>,
): void {
  const context = contextOf(canvas);
  context.imageSmoothingEnabled = true;
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const [height, width] = reply.grid;
  const colors = reply.concepts.map(rgbOf);
  const layer = newCanvas(width, height);
  const on = contextOf(layer);
  const pixels = on.createImageData(width, height);
  planes.forEach((plane, k) => {
    if (hidden.has(k)) return;
    plane.forEach((label, i) => {
      if (!label) return;
      const [r, g, b] = label === UNKNOWN ? [128, 128, 128] : colors[label - 1];
      pixels.data.set([r, g, b, OPACITY], 4 * i);
    });
  });
  on.putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(layer, 0, 0, canvas.width, canvas.height);
}

let probe: CanvasRenderingContext2D | undefined;

function rgbOf(concept: number): number[] {
  probe ??= contextOf(newCanvas(1, 1));
  probe.fillStyle = colorOf(concept);
  const [, r, g, b] = /#(..)(..)(..)/.exec(probe.fillStyle) ?? ["", "80", "80", "80"];
  return [r, g, b].map((part) => Number.parseInt(part, 16));
}

/** What the labels say of the pixel under the mouse, plane by plane. */
function namesAt(state: BrowseState, canvas: HTMLCanvasElement, { offsetX, offsetY }: PointerEvent): string {
  const shown = state.shown.peek();
  if (!shown) return "";
  const [height, width] = shown.reply.grid;
  const x = Math.min(width - 1, Math.floor((offsetX / canvas.clientWidth) * width));
  const y = Math.min(height - 1, Math.floor((offsetY / canvas.clientHeight) * height));
  const names = shown.planes.map((plane) => {
    const label = plane[Math.max(0, y) * width + Math.max(0, x)];
    return label === UNKNOWN ? "not known" : label ? state.table.names[shown.reply.concepts[label - 1]] : "";
  });
  return [...new Set(names.filter(Boolean))].join(" · ");
}

/** The labels of the image, largest first, each of which a click looks at alone; and its planes, to switch off. */
export function legend(state: BrowseState, scope: Scope): HTMLElement {
  const planes = h("div.planes", { role: "group", "aria-label": "Planes" });
  const labels = h("div.labels", { role: "group", "aria-label": "Labels of this image" });
  const box = h("div.legend", { tabindex: -1 }, planes, labels);
  // Made anew for an image alone: what has the focus stays while it is pressed.
  let switches: HTMLElement[] = [];
  let choices: { c: number; button: HTMLElement }[] = [];
  scope.effect(() => {
    const reply = state.shown.value?.reply;
    const of = reply?.planes ?? [];
    switches = of.map((category, k) => {
      const place = of.slice(0, k).filter((other) => other === category).length;
      const several = of.filter((other) => other === category).length > 1;
      const title = k < 9 ? `Switch this plane off, or on (${k + 1})` : "";
      return h(
        "button.quiet",
        { title, onclick: () => state.toggle(k) },
        several ? `${category} ${place + 1}` : category,
      );
    });
    const focus = box.isConnected && box.contains(focused(box));
    planes.replaceChildren(...switches);
    const order = (reply?.concepts ?? []).map((c, at) => ({ c, share: reply?.shares[at] ?? 0 }));
    order.sort((a, b) => b.share - a.share);
    choices = order.map(({ c, share }) => {
      const swatch = h("i.swatch", { "aria-hidden": "true" });
      swatch.style.background = colorOf(c);
      const button = h(
        "button.quiet",
        { onclick: () => state.choose(state.concept.peek() === c ? -1 : c) },
        swatch,
        h("bdi", state.table.names[c]),
        h("span.kind", reply?.whole.includes(c) ? "whole image" : percent(share)),
      );
      return { c, button };
    });
    labels.replaceChildren(...choices.map(({ button }) => button));
    if (focus) focusOn(box); // outside of the widget no key would reach it
  });
  scope.effect(() => {
    state.shown.value;
    const [hidden, concept] = [state.hidden.value, state.concept.value];
    switches.forEach((button, k) => {
      set(button, { "aria-pressed": !hidden.has(k) });
    });
    for (const { c, button } of choices) set(button, { "aria-pressed": c === concept });
  });
  return box;
}
