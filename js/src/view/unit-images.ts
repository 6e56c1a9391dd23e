import type { Context } from "../context";
import { type Table, topImages } from "../data/table";
import { h, label, number, set } from "../dom";
import { coverage, paint, type Scene } from "../draw/overlay";
import { overlap, PATTERNS, paintPattern, paintWhy, sharesOf } from "../draw/why";
import type { Scope } from "../scope";
import { known } from "./activations";
import { captionOf, captionTitle, examplesOf } from "./caption";
import type { Explanation, Labels } from "./explanation";
import { decimals } from "./iou";
import { preview } from "./preview";
import { density, sceneOf } from "./scene";

/** Side of the drawn images: sharp enough to see single mask pixels. */
const SIDE = 224;
/** How wide they are shown, about, where that isn't known yet. */
const USUAL = 140;

/** What the patterns mean, while a label is explained. */
export function legend(table: Table, { why, concept }: Explanation, scope: Scope): HTMLElement {
  const element = h("p.legend");
  scope.effect(() => {
    element.hidden = !why.value;
    if (!why.value) return;
    const name = table.names[concept.value];
    element.replaceChildren(
      ...PATTERNS.map(({ part }) => {
        const swatch = h("canvas", { width: 56, height: 36, "aria-hidden": "true" });
        paintPattern(swatch, part, 2);
        const text = part === 1 ? "unit only" : part === 2 ? h("span", label(name), " only") : "both";
        return h("span.item", swatch, text);
      }),
    );
  });
  return element;
}

interface Figure {
  rank: number;
  index: number;
  element: HTMLElement;
  canvas: HTMLCanvasElement;
  caption: HTMLElement;
}

/** What stands below an image, and what is said of it. */
interface Texts {
  caption: string;
  description: string;
}

/** The images that a unit responds to most, with its mask or, where a label is explained, with the concept's. */
export function unitImages(
  context: Context,
  table: Table,
  unit: number,
  explanation: Explanation,
  scope: Scope,
): HTMLElement {
  const { cache } = context;
  const images = topImages(table, unit).subarray(0, examplesOf(table, unit));
  const side = Math.round(SIDE * density());
  const figures = Array.from(images, (index, rank) => figure(context, table, unit, rank, index, side));
  scope.effect(() => {
    cache.arrivals.value;
    for (const one of figures) {
      const { caption, description } = drawn(context, table, unit, explanation, one);
      one.caption.replaceChildren(...partsOf(caption));
      one.caption.title = captionTitle(context, table, unit, one.rank);
      set(one.canvas, { "aria-label": `Image ${one.rank + 1} of ${figures.length}: ${description}` });
    }
  });
  return h("div.figures", ...figures.map(({ element }) => element));
}

/** The parts of a caption, each an element of its own. */
const partsOf = (caption: string): HTMLElement[] =>
  caption.split(" · ").map((part, at) => h("span", at > 0 && h("i", " · "), part));

function figure(
  { state }: Context,
  table: Table,
  unit: number,
  rank: number,
  index: number,
  side: number,
): Figure {
  const canvas = h("canvas", { width: side, height: side, role: "img" });
  preview(canvas, table, unit, rank);
  const caption = h("figcaption");
  const look = () => {
    state.local.looked.value = { key: table.key, unit, rank };
  };
  const element = h("figure", h("button", { title: "Look closer", onclick: look }, canvas), caption);
  return { rank, index, element, canvas, caption };
}

/** Draws an image of the unit and says what is to be seen. */
function drawn(
  context: Context,
  table: Table,
  unit: number,
  { why, concept, labels }: Explanation,
  { rank, index, canvas }: Figure,
): Texts {
  const { cache } = context;
  const found = sceneOf(context, table, unit, rank);
  const scene = found && { ...found, dense: canvas.width / (canvas.clientWidth || USUAL) };
  const name = captionOf(context, table, unit, rank);
  if (!scene?.field) {
    const problem = cache.problemOf(table, unit, index);
    canvas.dataset.state = problem ? "missing" : "coming";
    return { caption: problem || name, description: problem || "on its way" };
  }
  canvas.dataset.state = "here";
  const explained = why.value ? labels.value : null;
  if (explained) return drawExplained(canvas, scene, explained[rank], index, table.names[concept.value]);
  paint(canvas, scene);
  const covered = coverage(scene.field, scene.threshold) * 100;
  const peak = known(cache.maps(table, unit)?.maps[rank].peak);
  return {
    caption: name,
    description: `${name}, peak activation ${peak}, mask covers ${covered.toFixed(1)} %`,
  };
}

function drawExplained(
  canvas: HTMLCanvasElement,
  scene: Scene,
  { pixels, missing }: Labels,
  index: number,
  name: string,
): Texts {
  if (missing || !scene.field) {
    paint(canvas, { ...scene, overlay: "none" });
    return { caption: `#${index} · ${missing}`, description: missing };
  }
  const parts = overlap(scene.field, scene.threshold, pixels);
  paintWhy(canvas, scene, parts);
  const { unit, concept, both } = sharesOf(parts);
  return {
    caption: `#${index} · IoU ${decimals(both / (both + unit + concept || 1))}`,
    description:
      `${number(both)} pixels in both, ${number(unit)} in the unit only, ` +
      `${number(concept)} in ${name} only`,
  };
}
