import type { Context } from "../context";
import { categoryOf, cutText, passes, type Table } from "../data/table";
import { glyph, h, label, named, number, plural } from "../dom";
import { kindOf } from "../draw/colors";
import type { RankedConcept } from "../protocol";
import type { Scope } from "../scope";
import type { Explanation } from "./explanation";
import { decimals } from "./iou";

interface Line {
  element: HTMLElement;
  /** Marks whether it passes the cut, and whether it is explained. */
  mark(cut: number, explained: number): void;
}

/** The concepts of a unit with the four numbers from which anyone can compute the IoU again. */
export function ranking(
  { state, source }: Context,
  table: Table,
  unit: number,
  explanation: Explanation,
  scope: Scope,
): HTMLElement {
  const rows = h("tbody");
  const note = h("p.hint");
  let lines: Line[] = [];
  scope.effect(() => {
    const list = explanation.ranking.value;
    lines = (list ?? []).map((row) =>
      lineOf(table, row, explanation, !table.note && source.explains(table.key, unit, row.concept)),
    );
    if (lines.length) rows.replaceChildren(...lines.map(({ element }) => element));
    else rows.replaceChildren(textRow(list ? "No concept shares a pixel with this unit." : "Asking …"));
  });
  // Marks the rows that are there: making them anew would take the focus off the one just chosen.
  scope.effect(() => {
    const list = explanation.ranking.value ?? [];
    const cut = state.synced.cut.value;
    const explained = explanation.why.value ? explanation.concept.value : -1;
    for (const line of lines) line.mark(cut, explained);
    note.replaceChildren(
      "IoU = both ÷ (unit + concept − both), in mask pixels. The unit's pixels are those in images that carry the category.",
      list.some((row) => passes(table, row.iou, cut)) ? ` Bold: passes ${cutText(table, cut)}.` : "",
      ...outOfReachNote(table, list, cut),
    );
  });
  return h(
    "div.ranking",
    h(
      "table",
      { "aria-label": `Concepts of this unit, ${plural(table.names.length, "concept")} compared` },
      header(),
      rows,
    ),
    note,
  );
}

function header(): HTMLElement {
  const column = (text: string, title: string) => h("th", { scope: "col", title }, text);
  return h(
    "thead",
    h(
      "tr",
      column("Concept", "Best first"),
      column("Both", "Pixels of both"),
      column("Unit", "Pixels of the unit's mask, in images that carry the category"),
      column("Concept", "Pixels of the concept"),
      column("IoU", "Both ÷ (unit + concept − both)"),
    ),
  );
}

const textRow = (text: string): HTMLElement => h("tr", h("td.hint", { colspan: 5 }, text));

const count = (value: number | null): string => (value === null ? "?" : number(value));

const outOfReach = (table: Table, { ceiling }: RankedConcept, cut: number): boolean =>
  ceiling !== null && !passes(table, ceiling, cut);

const bound = ({ ceiling }: RankedConcept): string => ` ≤ ${decimals(ceiling ?? 0)}`;

function lineOf(table: Table, row: RankedConcept, { why, concept }: Explanation, explainable: boolean): Line {
  const name = table.names[row.concept];
  const category = categoryOf(table, row.concept);
  const explain = () => {
    concept.value = row.concept;
    why.value = true;
  };
  const sign = { role: "img", "aria-label": "out of reach", title: `IoU${bound(row)}` };
  const ceiling = h("span.ceiling", sign, "▽");
  const element = h(
    "tr",
    h(
      "th",
      { scope: "row" },
      glyph(kindOf(category, table.categories)),
      h(
        "button.plain",
        { title: `Show where ${name} is`, disabled: !explainable, onclick: explain },
        label(name),
      ),
      h("span.kind", category),
      ceiling,
    ),
    h("td", count(row.intersection)),
    h("td", count(row.activation)),
    h("td", count(row.truth)),
    h("td", decimals(row.iou)),
  );
  const mark = (cut: number, explained: number) => {
    element.classList.toggle("passes", passes(table, row.iou, cut));
    element.classList.toggle("chosen", row.concept === explained);
    ceiling.hidden = !outOfReach(table, row, cut);
  };
  return { element, mark };
}

/** Which of the ranked concepts can't pass the cut, whatever the unit. */
function outOfReachNote(table: Table, list: RankedConcept[], cut: number): (string | HTMLElement)[] {
  const limited = list.filter((row) => outOfReach(table, row, cut));
  if (!limited.length) return [];
  return [
    ` ▽ = these areas can't pass ${cutText(table, cut)}: `,
    ...limited.flatMap((row, at) => [at ? ", " : "", h("bdi", named(table.names[row.concept])), bound(row)]),
  ];
}
