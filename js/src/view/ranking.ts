import type { Context } from "../context";
import { categoryOf, comparison, passes, type Table } from "../data/table";
import { glyph, h, label, number, plural, type Scope } from "../dom";
import { kindOf } from "../draw/colors";
import type { RankedConcept } from "../messages";
import { decimals } from "./card";

const count = (value: number | null): string => (value === null ? "?" : number(value));

/** The concepts of a unit with the four numbers from which anyone can compute the IoU again. */
export function ranking(
  { state }: Context,
  table: Table,
  ranked: { value: RankedConcept[] | null },
  explained: { value: number },
  why: { value: boolean },
  scope: Scope,
): HTMLElement {
  const rows = h("tbody");
  const note = h("p", { class: "hint" });
  scope.effect(() => {
    const list = ranked.value;
    const cut = state.cut.value;
    const chosen = why.value ? explained.value : -1;
    if (!list) {
      rows.replaceChildren(h("tr", {}, h("td", { colspan: 5, class: "hint" }, "Asking for the numbers …")));
      return;
    }
    if (!list.length) {
      rows.replaceChildren(
        h("tr", {}, h("td", { colspan: 5, class: "hint" }, "No concept shares a pixel with this unit.")),
      );
    } else rows.replaceChildren(...list.map((row) => line(row, cut, chosen)));
    const limited = list.filter((row) => beyond(row, cut));
    note.replaceChildren(
      "IoU = both ÷ (unit + concept − both), in mask pixels. The unit's pixels are those in images that carry the category.",
      ...(limited.length
        ? [
            ` ▽ = these areas can't pass ${comparison(table)} ${cut}: `,
            ...limited.flatMap((row, at) => [
              at ? ", " : "",
              h("bdi", {}, table.names[row.concept]),
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

  function line(row: RankedConcept, cut: number, chosen: number): HTMLElement {
    const category = categoryOf(table, row.concept);
    const explain = h(
      "button",
      {
        type: "button",
        class: "plain",
        title: `Show where ${table.names[row.concept]} is`,
        disabled: !!table.note,
        onclick: () => {
          explained.value = row.concept;
          why.value = true;
        },
      },
      label(table.names[row.concept]),
    );
    const ceiling = beyond(row, cut)
      ? h(
          "span",
          { class: "ceiling", role: "img", "aria-label": "out of reach", title: `IoU${bound(row)}` },
          "▽",
        )
      : null;
    return h(
      "tr",
      { class: `${passes(table, row.iou, cut) ? "passes" : ""} ${row.concept === chosen ? "chosen" : ""}` },
      h(
        "th",
        { scope: "row" },
        glyph(kindOf(category, table.categories)),
        explain,
        h("span", { class: "kind" }, category),
        ceiling,
      ),
      h("td", {}, count(row.intersection)),
      h("td", {}, count(row.activation)),
      h("td", {}, count(row.truth)),
      h("td", {}, decimals(row.iou)),
    );
  }

  const head = (text: string, title: string) => h("th", { scope: "col", title }, text);
  return h(
    "div",
    { class: "ranking" },
    h(
      "table",
      { "aria-label": `Concepts of this unit, ${plural(table.names.length, "concept")} compared` },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          head("Concept", "Best first"),
          head("Both", "Pixels in both"),
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
