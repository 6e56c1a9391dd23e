import type { Context } from "../context";
import { countAt } from "../data/counts";
import { cutText, type Table } from "../data/table";
import { h, label, number, plural } from "../dom";
import type { Scope } from "../scope";

/** One line: what was dissected, and the answer, how many units are detectors of how many concepts. */
export function header({ state }: Context, scope: Scope): HTMLElement {
  const element = h("div.header");
  scope.effect(() => {
    const cut = state.synced.cut.value;
    element.replaceChildren(
      ...state.visibleTables.value.map((table) => summary(table, cut, state.synced.several)),
    );
  });
  return element;
}

function summary(table: Table, cut: number, several: boolean): HTMLElement {
  const named = several && table.key !== table.layer;
  return h(
    "div.summary",
    { title: table.facts },
    h(
      "h2",
      label(named ? table.key : table.layer),
      h("span.model", label(named ? `${table.layer}, ${table.model}` : table.model)),
    ),
    figures(table, cut),
    provisionalNote(table),
  );
}

/** "293 of 512 units detect 111 concepts". */
function figures(table: Table, cut: number): HTMLElement {
  const { detectors, unique, paper } = countAt(table, cut);
  const title =
    `Best IoU ${cutText(table, cut)}, each unit once, for its best concept. By the paper's rule, once in each ` +
    `category that it passes in: ${number(paper.detectors)} detectors, ${number(paper.unique)} unique.`;
  return h(
    "p.figure",
    { title },
    table.provisional && "so far about ",
    h("b", number(detectors)),
    ` of ${plural(table.units, "unit")} ${detectors === 1 ? "detects" : "detect"} `,
    h("b", number(unique)),
    ` ${unique === 1 ? "concept" : "concepts"}`,
  );
}

/** While it computes: after how many images this is so. */
const provisionalNote = ({ provisional }: Table): HTMLElement | null =>
  provisional
    ? h(
        "span.hint",
        { role: "note", "data-about": "provisional" },
        h("b", { "aria-hidden": "true" }, "≈ "),
        provisional,
      )
    : null;
