import { signal } from "@preact/signals-core";
import type { Context } from "../context";
import { categoryOf, type Table, topImages } from "../data/table";
import { glyph, h, label, number, type Scope } from "../dom";
import { kindOf } from "../draw/colors";
import { coverage, paint } from "../draw/overlay";
import { overlap, PATTERNS, paintPattern, paintWhy, sharesOf } from "../draw/why";
import type { RankedConcept } from "../messages";
import { activations } from "./activations";
import { copyButton, decimals } from "./card";
import { problemNote } from "./notes";
import { ranking } from "./ranking";
import { density, sceneOf } from "./strip";

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
): HTMLElement {
  const { state, source } = context;
  const address = state.address(table, unit);
  const best = table.best[unit];
  const why = signal(false);
  /** The concept that is explained, and where it is in each image once the kernel has said so. */
  const explained = signal(best);
  const labels = signal<Uint8Array[] | null>(null);
  const ranked = signal<RankedConcept[] | null>(null);
  const problem = signal<unknown>(null);
  let alive = true;
  scope.end(() => {
    alive = false;
  });

  const load = () => {
    problem.value = null;
    source.ask<"unit">({ kind: "unit", key: table.key, unit }).then(
      ({ reply }) => {
        if (alive) ranked.value = reply.ranking;
      },
      (error) => {
        if (alive) problem.value = error;
      },
    );
  };
  load();

  scope.effect(() => {
    const concept = explained.value;
    if (!why.value || concept < 0) return;
    labels.value = null;
    source.ask<"labels">({ kind: "labels", key: table.key, unit, concept }).then(
      ({ reply, buffers }) => {
        if (!alive || explained.peek() !== concept) return;
        let offset = 0;
        labels.value = reply.grids.map(([height, width]) => {
          const start = buffers[0].byteOffset + offset;
          offset += height * width;
          return new Uint8Array(buffers[0].buffer as ArrayBuffer, start, height * width);
        });
      },
      (error) => {
        if (alive) problem.value = error;
      },
    );
  });

  const select = h("button", {
    type: "button",
    class: "quiet",
    onclick: () => state.toggleSelected(table, unit),
  });
  scope.effect(() => {
    const selected = state.isSelected(table, unit);
    select.setAttribute("aria-pressed", String(selected));
    select.textContent = selected ? "✓ Selected" : "Select";
  });
  const whyButton = h(
    "button",
    {
      type: "button",
      class: "quiet",
      disabled: best < 0 || !!table.note,
      onclick: () => (why.value = !why.value),
    },
    "Why this label?",
  );
  scope.effect(() => whyButton.setAttribute("aria-pressed", String(why.value)));
  const button = (text: string, name: string, action: () => void) =>
    h("button", { type: "button", class: "quiet", "aria-label": name, title: name, onclick: action }, text);

  const notes = h("div");
  scope.effect(() => {
    notes.replaceChildren(...(problem.value ? [problemNote(problem.value, load)] : []));
  });

  const region = h(
    "section",
    {
      class: "unit",
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
      "div",
      { class: "unit-head" },
      best < 0 ? null : glyph(kindOf(categoryOf(table, best), table.categories)),
      h("h3", {}, best < 0 ? "No concept" : label(table.names[best])),
      copyButton(context, address),
      h("span", { class: "space" }),
      whyButton,
      select,
      button("‹", "Previous unit", () => turning.turn(-1)),
      button("›", "Next unit", () => turning.turn(1)),
      button("×", "Close (Esc)", turning.close),
    ),
    notes,
    h(
      "div",
      { class: "unit-body" },
      table.top > 0 &&
        h(
          "div",
          { class: "unit-images" },
          legend(table, why, explained, scope),
          images(context, table, unit, why, explained, labels, scope),
        ),
      table.top > 0 && activations(context, table, unit, scope),
      ranking(context, table, ranked, explained, why, scope),
    ),
  );
  for (const control of region.querySelectorAll<HTMLElement>("[tabindex='-1']")) control.tabIndex = 0;
  return region;
}

type Flag = { value: boolean };
type Choice = { value: number };

function legend(table: Table, why: Flag, explained: Choice, scope: Scope): HTMLElement {
  const element = h("p", { class: "legend" });
  scope.effect(() => {
    element.hidden = !why.value;
    if (!why.value) return;
    const name = table.names[explained.value];
    element.replaceChildren(
      ...PATTERNS.map(({ part }) => {
        const swatch = h("canvas", { width: 48, height: 28, "aria-hidden": "true" });
        paintPattern(swatch, part);
        const text = part === 1 ? "unit only" : part === 2 ? h("span", {}, label(name), " only") : "both";
        return h("span", { class: "legend-item" }, swatch, text);
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
  labels: { value: Uint8Array[] | null },
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
        type: "button",
        title: "Larger, smaller",
        "aria-pressed": "false",
        onclick: () => enlarge.setAttribute("aria-pressed", String(figure.classList.toggle("large"))),
      },
      canvas,
    );
    const figure: HTMLElement = h("figure", {}, enlarge, caption);
    return [{ rank, index, canvas, caption, figure }];
  });
  scope.effect(() => {
    library.arrivals.value;
    const masks = why.value ? labels.value : null;
    const concept = explained.value;
    for (const { rank, index, canvas, caption } of figures) {
      const scene = sceneOf(context, table, unit, rank);
      const named = `Image ${rank + 1} of ${figures.length}`;
      if (!scene?.field) {
        const problem = library.problemOf(table, index);
        canvas.dataset.state = problem ? "missing" : "coming";
        caption.textContent = problem;
        canvas.setAttribute("aria-label", problem ? `${named}: ${problem}` : `${named}, on its way`);
        continue;
      }
      canvas.dataset.state = "here";
      const covered = coverage(scene.field, scene.threshold);
      if (masks && !state.printing.value) {
        const parts = overlap(scene.field, scene.threshold, masks[rank]);
        paintWhy(canvas, scene, parts, dense);
        const shares = sharesOf(parts);
        const iou = shares.both / (shares.both + shares.unit + shares.concept || 1);
        caption.textContent = `IoU ${decimals(iou)}`;
        canvas.setAttribute(
          "aria-label",
          `${named}: ${number(shares.both)} pixels in both, ${number(shares.unit)} in the unit only, ` +
            `${number(shares.concept)} in ${table.names[concept]} only`,
        );
      } else {
        paint(canvas, scene);
        const peak = library.maps(table, unit)?.maps[rank].values.reduce((a, b) => Math.max(a, b), -Infinity);
        caption.textContent = `${rank + 1} · peak ${peak?.toPrecision(3)}`;
        const what = table.best[unit] < 0 ? "no concept" : table.names[table.best[unit]];
        canvas.setAttribute(
          "aria-label",
          `${named} for ${what}: peak activation ${peak?.toPrecision(3)}, mask covers ${(covered * 100).toFixed(1)} %`,
        );
      }
    }
  });
  return h("div", { class: "figures" }, ...figures.map(({ figure }) => figure));
}
