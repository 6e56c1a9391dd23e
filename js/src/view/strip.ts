import type { Context } from "../context";
import { type Table, topImages } from "../data/table";
import { h } from "../dom";
import { paint } from "../draw/overlay";
import type { Scope } from "../scope";
import { examplesOf } from "./caption";
import type { Layout } from "./grid/layout";
import { onPaper } from "./paper";
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
  const printing = context.state.local.printing.peek();
  // Where the data set is small, or images were left out, there are places without one.
  const places = silent ? examples : table.top;
  const count = Math.min(shown, places);
  if (printing) context.cache.takeNow(table, unit);
  const images = printing
    ? papers(context, table, unit, count)
    : canvases(context, table, unit, thumb, count);
  drawAsTheyArrive(context, table, unit, images, scope);
  const more = places - count;
  const corner = !printing && { style: `grid-area:${placeOf(count, perLine)}` };
  const quiet = silent > 0 && `silent in ${silent}`;
  return h(
    "div.strip",
    { role: "img", "aria-label": [`${places} strongest images${about}`, quiet].filter(Boolean).join(", ") },
    ...images.map(({ element }) => element),
    more > 0 && h("span.more", corner || {}, `+${more}`),
    quiet && more <= 0 && count < shown && h("span.quiet-place", quiet),
  );
}

/** The place of an image, and what draws it once that is here. */
interface Place {
  element: HTMLElement;
  draw(): boolean;
}

function canvases(context: Context, table: Table, unit: number, thumb: number, count: number): Place[] {
  const pixels = Math.round(thumb * density());
  return Array.from({ length: count }, (_, rank) => {
    const element = h("canvas", { width: pixels, height: pixels });
    preview(element, table, unit, rank);
    const draw = () => {
      const scene = sceneOf(context, table, unit, rank);
      if (scene) paint(element, scene);
      return !!scene;
    };
    return { element, draw };
  });
}

function papers(context: Context, table: Table, unit: number, count: number): Place[] {
  return Array.from({ length: count }, (_, rank) => {
    const element = h("span.paper");
    const draw = () => {
      const drawn = onPaper(context, table, unit, rank);
      if (drawn) element.replaceChildren(...drawn);
      return !!drawn;
    };
    return { element, draw };
  });
}

/** Row and column of image number `count`: over the corner of the last one stands how many more there are. */
const placeOf = (count: number, perLine: number): string =>
  `${Math.ceil(count / perLine)}/${((count - 1) % perLine) + 1}`;

function drawAsTheyArrive(
  { state, cache }: Context,
  table: Table,
  unit: number,
  places: Place[],
  scope: Scope,
): void {
  const images = topImages(table, unit);
  /** How each image was drawn: an arrival redraws only those that weren't. */
  const drawn: string[] = [];
  scope.effect(() => {
    cache.arrivals.value;
    const look = `${state.synced.overlay.value} ${state.local.level.value}`;
    places.forEach(({ element, draw }, rank) => {
      if (drawn[rank] === look) return;
      if (draw()) {
        drawn[rank] = look;
        element.dataset.state = "here";
        return;
      }
      const problem = cache.problemOf(table, unit, images[rank]);
      if (problem) element.title = problem;
      element.dataset.state = problem || images[rank] < 0 ? "missing" : "coming";
    });
  });
}
