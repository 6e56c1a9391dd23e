import type { Context } from "../context";
import { type Table, topImages } from "../data/table";
import type { UnitMap } from "../data/unit-maps";
import { h } from "../dom";
import { contour } from "../draw/contour";
import { paint } from "../draw/overlay";
import { upsample } from "../draw/upsample";
import { sceneOf } from "./scene";
import { thresholdAt } from "./threshold";

const SVG = "http://www.w3.org/2000/svg";
/** A printed image is small: its outline needs half the steps of its mask, and so many places in each. */
const COARSE = 2;
const PLACES = 10;
/** Side of what is drawn where there are no images, in pixels. */
const SIDE = 96;

/**
 * A unit's image number `rank` as it is printed, null while it isn't here. No canvas: its pixels would come
 * too late, for a browser that prints waits for nothing; what an address holds itself is there at once.
 */
export function onPaper(context: Context, table: Table, unit: number, rank: number): Element[] | null {
  if (table.note) return heatOnPaper(context, table, unit, rank);
  const { cache, state } = context;
  const src = cache.address(table, topImages(table, unit)[rank]);
  const maps = cache.maps(table, unit);
  if (!src || !maps) return null;
  const threshold = thresholdAt(table, unit, maps, state.local.level.value);
  return [h("img", { src, alt: "" }), outline(maps.maps[rank], threshold, table.field)];
}

function heatOnPaper(context: Context, table: Table, unit: number, rank: number): Element[] | null {
  const scene = sceneOf(context, table, unit, rank);
  if (!scene) return null;
  const canvas = h("canvas", { width: SIDE, height: SIDE });
  paint(canvas, { ...scene, dense: 1 });
  return [canvas];
}

/** A white line over a dark one, as sharp as the printer. */
function outline({ values, height, width, grid }: UnitMap, threshold: number, field: number[]): Element {
  const [tall, wide] = grid.map((pixels) => Math.ceil(pixels / COARSE));
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${wide * PLACES} ${tall * PLACES}`);
  // What was brought to the grid of the mask no longer stands at its receptive fields.
  const anchors = height < grid[0] || width < grid[1] ? field : [];
  const lines = height
    ? contour(upsample(values, height, width, tall, wide, anchors), tall, wide, threshold)
    : [];
  const places = Array.from(lines, (at) => Math.round(at * PLACES));
  let course = "";
  for (let i = 0; i < places.length; i += 4) {
    const [x, y] = [places[i], places[i + 1]];
    course += `M${x} ${y}l${places[i + 2] - x} ${places[i + 3] - y}`;
  }
  for (const className of ["", "white-line"]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", className);
    path.setAttribute("d", course);
    svg.append(path);
  }
  return svg;
}
