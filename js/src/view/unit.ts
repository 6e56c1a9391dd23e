import { type Signal, signal } from "@preact/signals-core";
import type { Context } from "../context";
import { categoryOf, type Table, topImages } from "../data/table";
import { glyph, h, label, number, type Scope, set } from "../dom";
import { kindOf } from "../draw/colors";
import { coverage, paint } from "../draw/overlay";
import { overlap, PATTERNS, paintPattern, paintWhy, sharesOf } from "../draw/why";
import type { RankedConcept } from "../messages";
import { activations, known } from "./activations";
import { copyButton, decimals, mayChange } from "./card";
import { problemNote } from "./notes";
import { ranking } from "./ranking";
import { density, sceneOf } from "./strip";

/** What is looked at in an opened unit: it stays when a newer result of the layer comes. */
export interface View {
  table: Table;
  why: Signal<boolean>;
  /** The concept that is explained. */
  explained: Signal<number>;
  ranked: Signal<RankedConcept[] | null>;
}

export interface Turning {
  close(): void;
  turn(by: number): void;
}

/** Side of the drawn images: also when enlarged they stay sharp enough to see single mask pixels. */
const SIDE = 224;

/** One unit at length: its images, why it has its label, its numbers, its activations. */
export function unitPage(
  context: Context,
  table: Table,
  unit: number,
  turning: Turning,
  scope: Scope,
  before?: View,
): { region: HTMLElement; view: View } {
  const { state, source } = context;
  const address = state.address(table, unit);
  const best = table.best[unit];
  const hasImages = topImages(table, unit).some((index) => index >= 0);
  const view: View =
    before?.table.names.join() === table.names.join()
      ? { ...before, table }
      : { table, why: signal(false), explained: signal(best), ranked: signal(null) };
  const { why, explained, ranked } = view;
  if (!why.value) explained.value = best;
  /** Where the explained concept is in each image, once the kernel has said so. */
  const labels = signal<Labels[] | null>(null);
  /** Grows when somebody tries again. */
  const attempt = signal(0);
  const problem = signal<unknown>(null);
  let alive = true;
  scope.end(() => {
    alive = false;
  });

  const failed = (error: unknown) => {
    if (alive) problem.value = error;
  };
  scope.effect(() => {
    attempt.value;
    source.ask<"unit">({ kind: "unit", key: table.key, unit }).then(({ reply }) => {
      if (alive) ranked.value = reply.ranking;
    }, failed);
  });

  scope.effect(() => {
    const concept = explained.value;
    attempt.value;
    if (!why.value || concept < 0) return;
    labels.value = null;
    source.ask<"labels">({ kind: "labels", key: table.key, unit, concept }).then(({ reply, buffers }) => {
      if (!alive || explained.peek() !== concept) return;
      let offset = 0;
      labels.value = reply.grids.map(([height, width], rank) => {
        const start = buffers[0].byteOffset + offset;
        offset += height * width;
        return {
          pixels: new Uint8Array(buffers[0].buffer as ArrayBuffer, start, height * width),
          // Pixels in an image without labels of the category were counted for neither side.
          missing:
            reply.problems[rank] ||
            (reply.carries[rank] ? "" : `no ${categoryOf(table, concept)} labels here: not counted`),
        };
      });
    }, failed);
  });

  const select = h("button.quiet", { onclick: () => state.toggleSelected(table, unit) });
  scope.effect(() => {
    const selected = state.isSelected(table, unit);
    set(select, { "aria-pressed": selected });
    select.textContent = selected ? "✓ Selected" : "Select";
  });
  const whyButton = h(
    "button.quiet",
    {
      disabled: best < 0 || !!table.note || !source.explains(table.key, unit, best),
      onclick: () => (why.value = !why.value),
    },
    "Why this label?",
  );
  scope.effect(() => set(whyButton, { "aria-pressed": why.value }));
  const button = (text: string, name: string, action: () => void) =>
    h("button.quiet", { "aria-label": name, title: name, onclick: action }, text);

  const notes = h("div");
  scope.effect(() => {
    const again = () => {
      problem.value = null;
      attempt.value++;
    };
    notes.replaceChildren(...(problem.value ? [problemNote(problem.value, again)] : []));
  });

  const region = h(
    "section.unit",
    {
      role: "region",
      "aria-label": address,
      tabindex: -1,
      onkeydown: (event: KeyboardEvent) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        turning.close();
      },
    },
    h(
      "div.unit-head",
      best < 0 ? null : glyph(kindOf(categoryOf(table, best), table.categories)),
      mayChange(table),
      h("h3", best < 0 ? "No concept" : label(table.names[best])),
      copyButton(context, address),
      h("span.space"),
      whyButton,
      select,
      h(
        "span.turns",
        button("‹", "Previous unit", () => turning.turn(-1)),
        button("›", "Next unit", () => turning.turn(1)),
        button("×", "Close (Esc)", turning.close),
      ),
    ),
    notes,
    h(
      "div.unit-body",
      hasImages
        ? h(
            "div.unit-images",
            legend(table, why, explained, scope),
            images(context, table, unit, why, explained, labels, scope),
          )
        : table.top > 0 && h("p.hint", "No images of this unit are here."),
      hasImages && activations(context, table, unit, scope),
      ranking(context, table, unit, ranked, explained, why, scope),
    ),
  );
  for (const control of region.querySelectorAll<HTMLElement>("[tabindex='-1']")) control.tabIndex = 0;
  return { region, view };
}

/** Where a concept is in an image, and why that doesn't count. */
interface Labels {
  pixels: Uint8Array;
  missing: string;
}

type Flag = { value: boolean };
type Choice = { value: number };

function legend(table: Table, why: Flag, explained: Choice, scope: Scope): HTMLElement {
  const element = h("p.legend");
  scope.effect(() => {
    element.hidden = !why.value;
    if (!why.value) return;
    const name = table.names[explained.value];
    element.replaceChildren(
      ...PATTERNS.map(({ part }) => {
        const swatch = h("canvas", { width: 48, height: 28, "aria-hidden": "true" });
        paintPattern(swatch, part);
        const text = part === 1 ? "unit only" : part === 2 ? h("span", label(name), " only") : "both";
        return h("span.item", swatch, text);
      }),
    );
  });
  return element;
}

function images(
  context: Context,
  table: Table,
  unit: number,
  why: Flag,
  explained: Choice,
  labels: { value: Labels[] | null },
  scope: Scope,
): HTMLElement {
  const { state, library } = context;
  const dense = density();
  const side = Math.round(SIDE * dense);
  const figures = Array.from(topImages(table, unit)).flatMap((index, rank) => {
    if (index < 0) return [];
    const canvas = h("canvas", { width: side, height: side, role: "img" });
    const caption = h("figcaption");
    const enlarge = h(
      "button",
      {
        title: "Larger, smaller",
        "aria-pressed": "false",
        onclick: () => set(enlarge, { "aria-pressed": figure.classList.toggle("large") }),
      },
      canvas,
    );
    const figure: HTMLElement = h("figure", enlarge, caption);
    return [{ rank, index, canvas, caption, figure }];
  });
  scope.effect(() => {
    library.arrivals.value;
    const masks = state.printing.value || !why.value ? null : labels.value;
    const concept = explained.value;
    for (const { rank, index, canvas, caption } of figures) {
      const scene = sceneOf(context, table, unit, rank);
      let text = library.problemOf(table, unit, index);
      let said = text || "on its way";
      canvas.dataset.state = text ? "missing" : "coming";
      if (scene?.field) {
        canvas.dataset.state = "here";
        if (masks?.[rank].missing) {
          paint(canvas, { ...scene, overlay: "none" });
          text = said = masks[rank].missing;
        } else if (masks) {
          const parts = overlap(scene.field, scene.threshold, masks[rank].pixels);
          paintWhy(canvas, scene, parts, dense);
          const shares = sharesOf(parts);
          text = `IoU ${decimals(shares.both / (shares.both + shares.unit + shares.concept || 1))}`;
          said =
            `${number(shares.both)} pixels in both, ${number(shares.unit)} in the unit only, ` +
            `${number(shares.concept)} in ${table.names[concept]} only`;
        } else {
          paint(canvas, scene);
          const peak = known(library.maps(table, unit)?.maps[rank].peak);
          const covered = coverage(scene.field, scene.threshold) * 100;
          text = `${rank + 1} · peak ${peak}`;
          said = `peak activation ${peak}, mask covers ${covered.toFixed(1)} %`;
        }
      }
      caption.textContent = text;
      set(canvas, { "aria-label": `Image ${rank + 1} of ${figures.length}: ${said}` });
    }
  });
  return h("div.figures", ...figures.map(({ figure }) => figure));
}
