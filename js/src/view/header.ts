import type { Context } from "../context";
import { countAt } from "../data/counts";
import { cutText, type Table } from "../data/table";
import { h, label, number } from "../dom";
import type { Scope } from "../scope";

/** What was dissected, and the answer: how many units are detectors, of how many concepts. */
export function header({ state }: Context, scope: Scope): HTMLElement {
  const element = h("div.header");
  scope.effect(() => {
    const cut = state.synced.cut.value;
    element.classList.toggle("paired", !!state.sides.value);
    element.replaceChildren(
      ...state.visibleTables.value.map((table) => summary(table, cut, state.synced.several)),
    );
  });
  return element;
}

function summary(table: Table, cut: number, several: boolean): HTMLElement {
  const counts = countAt(table, cut);
  const named = several && table.key !== table.layer;
  const detectors = figure(
    counts.detectors,
    `of ${number(table.units)} ${table.units === 1 ? "unit" : "units"} ${counts.detectors === 1 ? "is a detector" : "are detectors"}`,
  );
  detectors.title =
    `Best IoU ${cutText(table, cut)}, each unit once, for its best concept. By the paper's rule, once in each ` +
    `category that it passes in: ${number(counts.paper.detectors)} detectors, ${number(counts.paper.unique)} unique.`;
  return h(
    "div.summary",
    h(
      "div.what",
      h(
        "h2",
        label(named ? table.key : table.layer),
        h("span.model", label(named ? `${table.layer}, ${table.model}` : table.model)),
      ),
      h("p.facts", table.facts),
    ),
    detectors,
    figure(counts.unique, counts.unique === 1 ? "unique concept" : "unique concepts"),
  );
}

const figure = (value: number, text: string): HTMLElement =>
  h("div.figure", h("b", number(value)), h("span", text));
