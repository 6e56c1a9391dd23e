import { type Firing, unitsFiringOn } from "../data/image-units";
import { categoryOf, type Table } from "../data/table";
import { glyph, h, plural, set } from "../dom";
import { kindOf } from "../draw/colors";
import type { State } from "../state/state";
import { conceptLabel } from "./concept";

/** As many as one looks through; an image may be among the strongest of hundreds of units. */
const MOST = 60;

/** The units that an image is among the strongest of; a click shows where one of them fires. */
export function unitsFiringHere(
  state: State,
  table: Table,
  index: number,
  unit: number,
  choose: (firing: Firing) => void,
): HTMLElement[] {
  const tables = state.synced.tables.value;
  const firing = unitsFiringOn(tables, table, index);
  const several = new Set(firing.map((one) => one.table)).size > 1;
  const rows = firing.slice(0, MOST).map((one) => {
    const button = unitButton(one.table, one.unit, () => choose(one), {
      name: several ? state.address(one.table, one.unit) : `unit ${one.unit}`,
      note: ordinal(one.rank + 1),
    });
    if (one.table === table && one.unit === unit) set(button, { "aria-current": "true" });
    return h("li", button);
  });
  const left = firing.length - rows.length;
  const most = Math.max(...tables.map(({ top }) => top));
  return [
    h("h3", "Units that fire here"),
    h(
      "p.hint",
      firing.length
        ? `${plural(firing.length, "unit")} with this image among the ${most} strongest, and its place there.`
        : "No unit has this image among its strongest.",
    ),
    h("ul", ...rows),
    ...(left > 0 ? [h("p.hint", `and ${plural(left, "more unit")}`)] : []),
  ];
}

/** A unit to go to: its label, what names it, and a note. */
export function unitButton(
  table: Table,
  unit: number,
  onclick: () => void,
  { name, note }: { name: string; note: string },
): HTMLElement {
  const best = table.best[unit];
  return h(
    "button.unit-link",
    { onclick },
    best < 0 ? null : glyph(kindOf(categoryOf(table, best), table.categories)),
    best < 0 ? h("span.none", "no concept") : conceptLabel(table, best),
    h("span.kind", name),
    h("span.space"),
    h("span.kind", note),
  );
}

/** "1st", "2nd" … of the first hundred. */
function ordinal(place: number): string {
  const ending = place > 3 && place < 21 ? "th" : (["th", "st", "nd", "rd"][place % 10] ?? "th");
  return `${place}${ending}`;
}
