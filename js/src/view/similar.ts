import type { Context } from "../context";
import { sameLabel, sharedImages } from "../data/image-units";
import { categoryOf, type Table } from "../data/table";
import { focusOn, h, number } from "../dom";
import { follow } from "../state/trail";
import { examplesOf } from "./caption";
import { conceptLabel } from "./concept";
import { unitButton } from "./firing";
import { decimals } from "./iou";

/** As many as are looked at, at first. */
const MOST = 6;
/** One image in common is chance. */
const LEAST_SHARED = 2;

/** Units that resemble this one: of the same label, or with the same images among their strongest. */
export function similarUnits({ state }: Context, table: Table, unit: number): HTMLElement | null {
  const go = (other: number) => () => follow(state, table, other);
  const button = (other: number, note: string) =>
    h("li", unitButton(table, other, go(other), { name: `unit ${other}`, note }));
  const labeled = sameLabel(table, unit);
  const images = examplesOf(table, unit);
  const sharing = sharedImages(table, unit).filter(({ shared }) => shared >= LEAST_SHARED);
  const best = table.best[unit];
  const lists = [
    labeled.length
      ? list(
          h("h4", "Same label, ", conceptLabel(table, best), ` (${categoryOf(table, best)})`),
          labeled.map((other) => button(other, `IoU ${decimals(table.best_iou[other])}`)),
        )
      : null,
    sharing.length
      ? list(
          h("h4", "Same images among the strongest"),
          sharing.map(({ unit: other, shared }) => button(other, `${shared} of ${images}`)),
        )
      : null,
  ].filter((one) => !!one);
  return lists.length ? h("div.similar", { role: "group", "aria-label": "Similar units" }, ...lists) : null;
}

/** The first ones, and a button that shows the others. */
function list(title: HTMLElement, items: HTMLElement[]): HTMLElement {
  const more: HTMLElement = h(
    "button.quiet",
    {
      onclick: () => {
        shown.append(...items.slice(MOST));
        more.remove();
        focusOn(items[MOST].querySelector("button"));
      },
    },
    `Show ${number(items.length - MOST)} more`,
  );
  const shown = h("ul", ...items.slice(0, MOST));
  return h("div", title, shown, items.length > MOST && more);
}
