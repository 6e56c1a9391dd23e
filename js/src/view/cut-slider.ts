import type { Context } from "../context";
import { histogram } from "../data/counts";
import { cutText, type Table } from "../data/table";
import { h, set } from "../dom";
import type { Scope } from "../scope";
import { DEFAULTS } from "../state/gallery-state";
import { histogramBars } from "./histogram";
import { fullIou } from "./iou";

const BINS = 60;
const STEP = 0.005;
/** The end of the slider where no IoU and no cut lies beyond it. */
const SHORTEST = 0.5;

/** The cut between detectors and the rest, on the distribution of the best IoUs. */
export function cutSlider({ state }: Context, scope: Scope): HTMLElement {
  const { cut } = state.synced;
  const plot = h("div.plot");
  const output = h("span.value");
  const slider = h("input", {
    type: "range",
    "aria-label": "IoU cut",
    min: 0,
    step: 0.001,
    oninput: () => (cut.value = Number(slider.value)),
    ondblclick: () => (cut.value = DEFAULTS.min_iou),
    onkeydown: (event: KeyboardEvent) => {
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!by || event.shiftKey) return; // with Shift: the finest step
      event.preventDefault();
      const next = Math.round(cut.value / STEP + by) * STEP;
      cut.value = Number(Math.max(0, Math.min(Number(slider.max), next)).toFixed(3));
    },
  });
  plot.append(slider);
  let drawn: Table[] = [];
  let end = SHORTEST;
  scope.effect(() => {
    const tables = state.visibleTables.value;
    // It never shrinks: a handle that is dragged would run away from the pointer.
    const needed = Math.max(end, cut.value, ...tables.map(fullIou));
    if (drawn !== tables || needed > end) {
      [drawn, end] = [tables, needed];
      set(slider, { max: end });
      drawDistribution(plot, tables, end);
    }
    slider.value = String(cut.value);
    output.textContent = cutText(tables[0], cut.value);
    set(slider, { "aria-valuetext": `IoU ${output.textContent}` });
    plot.style.setProperty("--at", `${(cut.value / end) * 100}%`);
  });
  return h(
    "div.cut",
    { title: `IoU cut: units whose best IoU passes it are detectors; double-click: ${DEFAULTS.min_iou}` },
    plot,
    h("span", { "aria-hidden": "true" }, "IoU"),
    output,
  );
}

function drawDistribution(plot: HTMLElement, tables: Table[], end: number): void {
  plot.querySelector(".bars")?.remove();
  const ious = tables.flatMap((table) => [...table.best_iou]);
  plot.prepend(histogramBars(histogram(ious, BINS, 0, end).map(Math.sqrt)));
}
