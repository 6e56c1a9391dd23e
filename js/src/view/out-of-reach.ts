import type { Context } from "../context";
import { type OutOfReach, outOfReach } from "../data/counts";
import { cutText, type Table } from "../data/table";
import { glyph, h, label, plural } from "../dom";
import { kindOf } from "../draw/colors";
import type { Scope } from "../scope";
import { decimals } from "./iou";

/** Concepts that no unit of the layer could reach, with the reason: not the same as "not found". */
export function outOfReachList({ state }: Context, scope: Scope): HTMLElement {
  const list = h("ul");
  const summary = h("summary");
  const element = h("details.reach", summary, list);
  scope.effect(() => {
    const table = state.table.value;
    const cut = state.synced.cut.value;
    const concepts = outOfReach(table, cut);
    element.hidden = !concepts.length || !!state.sides.value;
    if (element.hidden) return;
    summary.replaceChildren(
      h("b", `▽ ${plural(concepts.length, "concept")} out of reach`),
      h("span", ` at IoU ${cutText(table, cut)}`),
    );
    list.replaceChildren(...concepts.map((concept) => item(table, concept)));
  });
  return element;
}

const item = (table: Table, { name, category, reason, ceiling }: OutOfReach): HTMLElement =>
  h(
    "li",
    glyph(kindOf(category, table.categories)),
    label(name, "concept"),
    h("span.kind", category),
    h("span.why", `${reason}: IoU ≤ ${decimals(ceiling)}`),
  );
