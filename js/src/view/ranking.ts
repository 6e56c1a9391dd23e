import type { Context } from "../context";
import { categoryOf, cutText, passes, type Table } from "../data/table";
import { glyph, h, label, named, number, plural, type Scope } from "../dom";
import { kindOf } from "../draw/colors";
import type { RankedConcept } from "../messages";
import { decimals } from "./card";

const count = (value: number | null): string => (value === null ? "?" : number(value));

/** The concepts of a unit with the four numbers from which anyone can compute the IoU again. */
export function ranking(
  { state, source }: Context,
  table: Table,
  unit: number,
  ranked: { value: RankedConcept[] | null },
  explained: { value: number },
  why: { value: boolean },
  scope: Scope,
): HTMLElement {
  const rows = h("tbody");
  /** Marks the rows that are there: making them anew would take the focus off the one just chosen. */
  const follow: ((cut: number, chosen: number) => void)[] = [];
  const note = h("p.hint");
  scope.effect(() => {
    const list = ranked.value;
    follow.length = 0;
    if (!list) {
      rows.replaceChildren(h("tr", h("td.hint", { colspan: 5 }, "Asking …")));
      return;
    }
    if (!list.length) {
      rows.replaceChildren(
        h("tr", h("td.hint", { colspan: 5 }, "No concept shares a pixel with this unit.")),
      );
    } else rows.replaceChildren(...list.map(line));
  });
  scope.effect(() => {
    const list = ranked.value ?? [];
    const cut = state.cut.value;
    const chosen = why.value ? explained.value : -1;
    for (const mark of follow) mark(cut, chosen);
    const limited = list.filter((row) => beyond(row, cut));
    note.replaceChildren(
      "IoU = both ÷ (unit + concept − both), in mask pixels. The unit's pixels are those in images that carry the category.",
      ...(limited.length
        ? [
            ` ▽ = these areas can't pass ${cutText(table, cut)}: `,
            ...limited.flatMap((row, at) => [
              at ? ", " : "",
              h("bdi", named(table.names[row.concept])),
              bound(row),
            ]),
          ]
        : []),
    );
  });

  function beyond(row: RankedConcept, cut: number): boolean {
    return row.ceiling !== null && !passes(table, row.ceiling, cut);
  }

  function bound(row: RankedConcept): string {
    return ` ≤ ${decimals(row.ceiling ?? 0)}`;
  }

  function line(row: RankedConcept): HTMLElement {
    const category = categoryOf(table, row.concept);
    const explain = h(
      "button.plain",
      {
        title: `Show where ${table.names[row.concept]} is`,
        disabled: !!table.note || !source.explains(table.key, unit, row.concept),
        onclick: () => {
          explained.value = row.concept;
          why.value = true;
        },
      },
      label(table.names[row.concept]),
    );
    const ceiling = h(
      "span.ceiling",
      { role: "img", "aria-label": "out of reach", title: `IoU${bound(row)}` },
      "▽",
    );
    const element = h(
      "tr",
      h(
        "th",
        { scope: "row" },
        glyph(kindOf(category, table.categories)),
        explain,
        h("span.kind", category),
        ceiling,
      ),
      h("td", count(row.intersection)),
      h("td", count(row.activation)),
      h("td", count(row.truth)),
      h("td", decimals(row.iou)),
    );
    follow.push((cut, chosen) => {
      element.classList.toggle("passes", passes(table, row.iou, cut));
      element.classList.toggle("chosen", row.concept === chosen);
      ceiling.hidden = !beyond(row, cut);
    });
    return element;
  }

  const head = (text: string, title: string) => h("th", { scope: "col", title }, text);
  return h(
    "div.ranking",
    h(
      "table",
      { "aria-label": `Concepts of this unit, ${plural(table.names.length, "concept")} compared` },
      h(
        "thead",
        h(
          "tr",
          head("Concept", "Best first"),
          head("Both", "Pixels of both"),
          head("Unit", "Pixels of the unit's mask, in images that carry the category"),
          head("Concept", "Pixels of the concept"),
          head("IoU", "Both ÷ (unit + concept − both)"),
        ),
      ),
      rows,
    ),
    note,
  );
}
