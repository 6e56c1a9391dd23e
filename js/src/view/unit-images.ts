import type { Context } from "../context";
import { type Table, topImages } from "../data/table";
import { h, label, number, set } from "../dom";
import { coverage, paint, type Scene } from "../draw/overlay";
import { overlap, PATTERNS, paintPattern, paintWhy, sharesOf } from "../draw/why";
import type { Scope } from "../scope";
import { known } from "./activations";
import type { Explanation, Labels } from "./explanation";
import { decimals } from "./iou";
import { density, sceneOf } from "./scene";

/** Side of the drawn images: also when enlarged they stay sharp enough to see single mask pixels. */
const SIDE = 224;

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

/** The strongest images of a unit, large, with its mask or, where a label is explained, with the concept's. */
export function unitImages(
  context: Context,
  table: Table,
  unit: number,
  { why, concept, labels }: Explanation,
  scope: Scope,
): HTMLElement {
  const { state, cache } = context;
  const dense = density();
  const figures = Array.from(topImages(table, unit)).flatMap((index, rank) =>
    index < 0 ? [] : [figure(rank, index, Math.round(SIDE * dense))],
  );
  const textsOf = ({ rank, index, canvas }: Figure): Texts => {
    const scene = sceneOf(context, table, unit, rank);
    if (!scene?.field) {
      const problem = cache.problemOf(table, unit, index);
      canvas.dataset.state = problem ? "missing" : "coming";
      return { caption: problem, description: problem || "on its way" };
    }
    canvas.dataset.state = "here";
    const explained = state.local.printing.value || !why.value ? null : labels.value;
    return explained
      ? drawExplained(canvas, scene, explained[rank], table.names[concept.value])
      : drawMask(canvas, scene, rank, cache.maps(table, unit)?.maps[rank].peak);
  };
  scope.effect(() => {
    cache.arrivals.value;
    for (const one of figures) {
      const { caption, description } = textsOf(one);
      one.caption.textContent = caption;
      set(one.canvas, { "aria-label": `Image ${one.rank + 1} of ${figures.length}: ${description}` });
    }
  });
  return h("div.figures", ...figures.map(({ element }) => element));
}

function figure(rank: number, index: number, side: number): Figure {
  const canvas = h("canvas", { width: side, height: side, role: "img" });
  const caption = h("figcaption");
  const enlarge = h(
    "button",
    {
      title: "Larger, smaller",
      "aria-pressed": "false",
      onclick: () => set(enlarge, { "aria-pressed": element.classList.toggle("large") }),
    },
    canvas,
  );
  const element: HTMLElement = h("figure", enlarge, caption);
  return { rank, index, element, canvas, caption };
}

function drawMask(canvas: HTMLCanvasElement, scene: Scene, rank: number, peak: number | undefined): Texts {
  paint(canvas, scene);
  const covered = scene.field ? coverage(scene.field, scene.threshold) * 100 : 0;
  return {
    caption: `${rank + 1} · peak ${known(peak)}`,
    description: `peak activation ${known(peak)}, mask covers ${covered.toFixed(1)} %`,
  };
}

function drawExplained(
  canvas: HTMLCanvasElement,
  scene: Scene,
  { pixels, missing }: Labels,
  name: string,
): Texts {
  if (missing || !scene.field) {
    paint(canvas, { ...scene, overlay: "none" });
    return { caption: missing, description: missing };
  }
  const parts = overlap(scene.field, scene.threshold, pixels);
  paintWhy(canvas, scene, parts);
  const { unit, concept, both } = sharesOf(parts);
  return {
    caption: `IoU ${decimals(both / (both + unit + concept || 1))}`,
    description:
      `${number(both)} pixels in both, ${number(unit)} in the unit only, ` +
      `${number(concept)} in ${name} only`,
  };
}
