import type { Context } from "../context";
import { focused, focusOn, glyph, h, label, number, plural, set } from "../dom";
import { kindOf } from "../draw/colors";
import type { Scope } from "../scope";
import { popup } from "./popup";

interface Chip {
  button: HTMLElement;
  count: HTMLElement;
}

/** Pixels between chips, beside all of them, and of the button behind which the last ones are. */
const [GAP, PADDING, MORE] = [4, 4, 44];
/** What the chips show, from most to least: name and number; the name; the number. Each has its shape and color. */
const LOOKS = ["", "names", "short"];

/** A button for each category, with its number of units: filters by it, or no longer. */
export function chips({ state }: Context, scope: Scope): HTMLElement {
  const group = h("div.chips", { role: "group", "aria-label": "Categories" });
  const rest = h("div.chips");
  const more = popup("More categories", [], [rest], scope);
  const element = h("div.chip-row", group, more.element);
  let made: string[] = [];
  let all: Chip[] = [];

  /**
   * Without numbers where there is no room for them, or without names; and where that isn't enough, those filtered by
   * first, the last behind a button. The search and the cut beside them give way before that.
   */
  const arrange = () => {
    const focus = focused(element);
    const buttons = all.map(({ button }) => button);
    group.replaceChildren(...buttons);
    const used = () => buttons.reduce((total, one) => total + one.offsetWidth + GAP, PADDING - GAP);
    const tooWide = () => element.clientWidth > 0 && used() > element.clientWidth;
    for (const look of LOOKS) {
      element.className = `chip-row ${look}`;
      element.style.flexBasis = `${used()}px`;
      if (!tooWide()) break;
    }
    let room = tooWide() ? element.clientWidth - PADDING - MORE : Number.POSITIVE_INFINITY;
    const sizes = new Map(buttons.map((one) => [one, one.offsetWidth + GAP]));
    const pressed = (one: HTMLElement) => one.getAttribute("aria-pressed") === "true";
    const fits = new Set<HTMLElement>();
    for (const one of [...buttons.filter(pressed), ...buttons.filter((one) => !pressed(one))]) {
      room -= sizes.get(one) ?? 0;
      if (room >= 0) fits.add(one);
    }
    group.replaceChildren(...buttons.filter((one) => fits.has(one)));
    rest.replaceChildren(...buttons.filter((one) => !fits.has(one)));
    more.element.hidden = fits.size === buttons.length;
    const sign = `+${buttons.length - fits.size}`;
    more.button.textContent = sign;
    set(more.button, { "aria-label": `${sign} more categories` });
    if (focus && buttons.includes(focus)) focusOn(focus);
  };
  scope.effect(() => {
    const counts = state.categoryCounts.value;
    const noun = state.sides.value ? "concept" : "unit";
    const categories = counts.map(({ category }) => category);
    // Made anew only where they are others, or the one just pressed would lose the focus.
    if (categories.join() !== made.join()) {
      made = categories;
      all = made.map((category) => chip(category, made, () => state.toggleCategory(category)));
    }
    all.forEach(({ button, count }, at) => {
      const { category, units, most } = counts[at];
      count.textContent = number(units);
      count.style.minWidth = `${number(most).length}ch`; // nothing moves while one filters
      const pressed = state.synced.category.value.includes(category);
      set(button, { title: `${category}: ${plural(units, noun)}`, "aria-pressed": pressed });
    });
    arrange();
  });
  const sizes = new ResizeObserver(arrange);
  sizes.observe(element);
  scope.onCleanup(() => sizes.disconnect());
  return element;
}

function chip(category: string, categories: string[], toggle: () => void): Chip {
  const count = h("span.count");
  const button = h(
    "button.chip",
    { "data-category": category, "aria-pressed": "false", onclick: toggle },
    glyph(kindOf(category, categories)),
    label(category, "", ""),
    " ",
    count,
  );
  return { button, count };
}
