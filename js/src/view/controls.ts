import type { Context } from "../context";
import { histogram } from "../data/counts";
import { cutText, type Table } from "../data/table";
import { glyph, h, label, number, type Scope, set } from "../dom";
import { kindOf } from "../draw/colors";
import { bars } from "./bars";
import { fullIou } from "./card";

/** What is looked for: words, categories, the cut. */
export function controls(context: Context, scope: Scope): HTMLElement {
  return h("div.controls", search(context, scope), chips(context, scope), cut(context, scope));
}

function search({ state }: Context, scope: Scope): HTMLElement {
  const field = h("input.search", {
    type: "search",
    placeholder: "Concept or unit number",
    "aria-label": "Search units by concept, category or number",
    spellcheck: "false",
    autocomplete: "off",
    oninput: () => (state.query.value = field.value),
    onkeydown: (event: KeyboardEvent) => {
      if (event.key !== "Escape" || !field.value) return;
      event.preventDefault();
      state.query.value = "";
    },
  });
  scope.effect(() => {
    if (field.value !== state.query.value) field.value = state.query.value;
  });
  return field;
}

function chips({ state }: Context, scope: Scope): HTMLElement {
  const element = h("div.chips", { role: "group", "aria-label": "Categories" });
  let made: string[] = [];
  const counts = new Map<string, HTMLElement>();
  scope.effect(() => {
    const categories = state.categoryCounts.value.map(({ category }) => category);
    if (categories.join() !== made.join()) {
      made = categories;
      counts.clear();
      element.replaceChildren(
        ...made.map((category) => {
          const count = h("span.count");
          counts.set(category, count);
          return h(
            "button.chip",
            {
              "data-category": category,
              "aria-pressed": "false",
              onclick: () => state.toggleCategory(category),
            },
            glyph(kindOf(category, made)),
            label(category),
            " ",
            count,
          );
        }),
      );
    }
    for (const { category, units } of state.categoryCounts.value) {
      const count = counts.get(category);
      if (count) count.textContent = number(units);
    }
    for (const chip of element.children) {
      const pressed = state.category.value.includes((chip as HTMLElement).dataset.category ?? "");
      set(chip, { "aria-pressed": pressed });
    }
  });
  return element;
}

const BINS = 60;
const STEP = 0.005;

/** The cut between detectors and the rest, on the distribution of the best IoUs. */
function cut({ state }: Context, scope: Scope): HTMLElement {
  const plot = h("div.plot");
  const output = h("span.value");
  const slider = h("input", {
    type: "range",
    "aria-label": "IoU cut",
    min: 0,
    step: 0.001,
    oninput: () => (state.cut.value = Number(slider.value)),
    onkeydown: (event: KeyboardEvent) => {
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!by || event.shiftKey) return; // with Shift: the finest step
      event.preventDefault();
      const next = Math.round(state.cut.value / STEP + by) * STEP;
      state.cut.value = Number(Math.max(0, Math.min(Number(slider.max), next)).toFixed(3));
    },
  });
  plot.append(slider);
  let drawn: Table[] = [];
  let end = 0.5;
  scope.effect(() => {
    const tables = state.looking.value;
    const cut = state.cut.value;
    // It never shrinks: a handle that is dragged would run away from the pointer.
    const needed = Math.max(end, cut, ...tables.map(fullIou));
    if (drawn !== tables || needed > end) {
      [drawn, end] = [tables, needed];
      set(slider, { max: end });
      plot.querySelector(".bars")?.remove();
      const ious = tables.flatMap((table) => [...table.best_iou]);
      plot.prepend(bars(histogram(ious, BINS, 0, end).map(Math.sqrt)));
    }
    slider.value = String(cut);
    output.textContent = cutText(tables[0], cut);
    set(slider, { "aria-valuetext": `IoU ${output.textContent}` });
    plot.style.setProperty("--at", `${(cut / end) * 100}%`);
  });
  return h(
    "div.cut",
    { title: "Units whose best IoU passes the cut are detectors" },
    h("span", { "aria-hidden": "true" }, "IoU cut"),
    plot,
    output,
  );
}
