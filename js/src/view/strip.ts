import type { Context } from "../context";
import { STRIP, type UnitMaps } from "../data/library";
import { type Table, topImages } from "../data/table";
import { h, type Scope } from "../dom";
import { paint, type Scene, sheet } from "../draw/overlay";
import type { Layout } from "./window";

/** A unit's threshold after the level slider: 0 leaves it, 1 raises it to the maximum, −1 lowers it to the minimum. */
export function thresholdAt(table: Table, unit: number, maps: UnitMaps | undefined, level: number): number {
  const threshold = table.thresholds[unit];
  if (!maps || level === 0) return threshold;
  return level > 0 ? threshold + (maps.high - threshold) * level : threshold + (threshold - maps.low) * level;
}

/** The level at which a unit's threshold takes a value: the inverse of `thresholdAt`. */
export function levelFor(table: Table, unit: number, maps: UnitMaps, value: number): number {
  const threshold = table.thresholds[unit];
  const room = value >= threshold ? maps.high - threshold : threshold - maps.low;
  return room > 0 ? Math.max(-1, Math.min(1, (value - threshold) / room)) : 0;
}

/** In the place of photographs that are not at hand. */
let blank: HTMLCanvasElement | undefined;

/** What to draw for a unit's image number `rank`; null while it hasn't arrived. */
export function sceneOf({ state, library }: Context, table: Table, unit: number, rank: number): Scene | null {
  const index = topImages(table, unit)[rank];
  if (index === undefined || index < 0) return null;
  if (table.note && !blank) blank = sheet(8, 8);
  const picture = table.note ? blank : library.picture(table, index);
  const maps = library.maps(table, unit);
  if (!picture || !maps) return null;
  return {
    picture,
    field: library.field(table, unit, rank),
    overlay: table.note ? "heat" : state.printing.value ? "outline" : state.overlay.value,
    threshold: thresholdAt(table, unit, maps, state.level.value),
    low: maps.low,
    high: maps.high,
  };
}

/** Pixels of a canvas that is shown `side` wide: sharp on dense screens, bounded in memory. */
export const density = (): number => Math.min(2, Math.max(1, devicePixelRatio));

/** The strongest images of a unit, at most `STRIP` of them, as small pictures, drawn as they arrive. */
export function strip(
  context: Context,
  table: Table,
  unit: number,
  { thumb, perLine }: Layout,
  about: string,
  scope: Scope,
): HTMLElement {
  const { state, library } = context;
  // Paper shows hundreds of strips at once, and needs no more than it can print of each.
  const pixels = Math.round(thumb * (state.printing.peek() ? 1 : density()));
  const images = topImages(table, unit);
  const canvases = Array.from(images.subarray(0, STRIP), () =>
    h("canvas", { width: pixels, height: pixels }),
  );
  const more = table.top - STRIP;
  // Over the corner of the last picture.
  const place = `${Math.ceil(STRIP / perLine)}/${((STRIP - 1) % perLine) + 1}`;
  const element = h(
    "div.strip",
    { role: "img", "aria-label": `${table.top} strongest images${about}` },
    ...canvases,
    more > 0 && h("span.more", { style: `grid-area:${place}` }, `+${more}`),
  );
  const drawn: string[] = [];
  scope.effect(() => {
    library.arrivals.value;
    const look = `${state.printing.value} ${state.overlay.value} ${state.level.value}`;
    canvases.forEach((canvas, rank) => {
      if (drawn[rank] === look) return;
      const scene = sceneOf(context, table, unit, rank);
      if (scene) {
        paint(canvas, scene);
        drawn[rank] = look;
        canvas.dataset.state = "here";
        return;
      }
      const index = images[rank];
      const problem = library.problemOf(table, unit, index);
      if (problem) canvas.title = problem;
      canvas.dataset.state = problem || index < 0 ? "missing" : "coming";
    });
  });
  return element;
}
