import type { Context } from "../context";
import { STRIP } from "../data/image-cache";
import { type Table, topImages } from "../data/table";
import { h } from "../dom";
import { paint } from "../draw/overlay";
import type { Scope } from "../scope";
import type { Layout } from "./grid/layout";
import { preview } from "./preview";
import { density, sceneOf } from "./scene";

/** The strongest images of a unit, at most `STRIP` of them, small, drawn as they arrive. */
export function strip(
  context: Context,
  table: Table,
  unit: number,
  { thumb, perLine }: Layout,
  about: string,
  scope: Scope,
): HTMLElement {
  // Paper shows hundreds of strips at once, and needs no more than it can print of each.
  const pixels = Math.round(thumb * (context.state.local.printing.peek() ? 1 : density()));
  const canvases = Array.from(topImages(table, unit).subarray(0, STRIP), () =>
    h("canvas", { width: pixels, height: pixels }),
  );
  canvases.forEach((canvas, rank) => {
    preview(canvas, table, unit, rank);
  });
  drawAsTheyArrive(context, table, unit, canvases, scope);
  const more = table.top - STRIP;
  return h(
    "div.strip",
    { role: "img", "aria-label": `${table.top} strongest images${about}` },
    ...canvases,
    more > 0 && h("span.more", { style: `grid-area:${lastPlace(perLine)}` }, `+${more}`),
  );
}

/** Row and column of the last image: over its corner stands how many more there are. */
const lastPlace = (perLine: number): string => `${Math.ceil(STRIP / perLine)}/${((STRIP - 1) % perLine) + 1}`;

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
