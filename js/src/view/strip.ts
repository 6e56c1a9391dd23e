import type { Context } from "../context";
import { type Table, topImages } from "../data/table";
import { h } from "../dom";
import { paint } from "../draw/overlay";
import type { Scope } from "../scope";
import { examplesOf } from "./caption";
import type { Layout } from "./grid/layout";
import { preview } from "./preview";
import { density, sceneOf } from "./scene";

/** The images that a unit responds to most, as many as there is room for, drawn as they arrive. */
export function strip(
  context: Context,
  table: Table,
  unit: number,
  { thumb, perLine, shown }: Layout,
  about: string,
  scope: Scope,
): HTMLElement {
  const examples = examplesOf(table, unit);
  const silent = table.silent[unit];
  // Where the data set is small, or images were left out, there are places without one.
  const places = silent ? examples : table.top;
  const canvases = canvasesOf(context, table, unit, thumb, Math.min(shown, places));
  drawAsTheyArrive(context, table, unit, canvases, scope);
  const more = places - canvases.length;
  const quiet = silent > 0 && `silent in ${silent}`;
  return h(
    "div.strip",
    { role: "img", "aria-label": [`${places} strongest images${about}`, quiet].filter(Boolean).join(", ") },
    ...canvases,
    more > 0 && h("span.more", { style: `grid-area:${placeOf(canvases.length, perLine)}` }, `+${more}`),
    quiet && more <= 0 && canvases.length < shown && h("span.quiet-place", quiet),
  );
}

function canvasesOf(
  { state }: Context,
  table: Table,
  unit: number,
  thumb: number,
  count: number,
): HTMLCanvasElement[] {
  // Paper shows hundreds of strips at once, and needs no more than it can print of each.
  const pixels = Math.round(thumb * (state.local.printing.peek() ? 1 : density()));
  return Array.from({ length: count }, (_, rank) => {
    const canvas = h("canvas", { width: pixels, height: pixels });
    preview(canvas, table, unit, rank);
    return canvas;
  });
}

/** Row and column of image number `count`: over the corner of the last one stands how many more there are. */
const placeOf = (count: number, perLine: number): string =>
  `${Math.ceil(count / perLine)}/${((count - 1) % perLine) + 1}`;

function drawAsTheyArrive(
  context: Context,
  table: Table,
  unit: number,
  canvases: HTMLCanvasElement[],
  scope: Scope,
): void {
  const { state, cache } = context;
  const images = topImages(table, unit);
  /** How each canvas was drawn: an arrival redraws only those that weren't. */
  const drawn: string[] = [];
  scope.effect(() => {
    cache.arrivals.value;
    const look = `${state.local.printing.value} ${state.synced.overlay.value} ${state.local.level.value}`;
    canvases.forEach((canvas, rank) => {
      if (drawn[rank] === look) return;
      const scene = sceneOf(context, table, unit, rank);
      if (scene) {
        paint(canvas, scene);
        drawn[rank] = look;
        canvas.dataset.state = "here";
        return;
      }
      const problem = cache.problemOf(table, unit, images[rank]);
      if (problem) canvas.title = problem;
      canvas.dataset.state = problem || images[rank] < 0 ? "missing" : "coming";
    });
  });
}
