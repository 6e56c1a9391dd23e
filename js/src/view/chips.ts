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

/** A button for each category, with its number of units: filters by it, or no longer. */
export function chips({ state }: Context, scope: Scope): HTMLElement {
  const group = h("div.chips", { role: "group", "aria-label": "Categories" });
  const rest = h("div.chips");
  const more = popup("More categories", [], [rest], scope);
  const element = h("div.chip-row", group, more.element);
  let made: string[] = [];
  let all: Chip[] = [];

  /** Leaves as many as there is room for, those that are filtered by first; the others go behind the button. */
  const arrange = () => {
    const focus = focused(element);
    const buttons = all.map(({ button }) => button);
    group.replaceChildren(...buttons);
    const width = element.clientWidth - PADDING;
    const sizes = new Map(buttons.map((one) => [one, one.offsetWidth + GAP]));
    const sum = [...sizes.values()].reduce((total, size) => total + size, 0);
    let room = sum - GAP > width && width > 0 ? width - MORE : Number.POSITIVE_INFINITY;
    const pressed = (one: HTMLElement) => one.ariaPressed === "true";
    const fits = new Set<HTMLElement>();
    for (const one of [...buttons.filter(pressed), ...buttons.filter((one) => !pressed(one))]) {
      room -= sizes.get(one) ?? 0;
      if (room >= 0) fits.add(one);
    }
    group.replaceChildren(...buttons.filter((one) => fits.has(one)));
    rest.replaceChildren(...buttons.filter((one) => !fits.has(one)));
    more.element.hidden = fits.size === buttons.length;
    more.button.textContent = `+${buttons.length - fits.size}`;
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
      const { category, units } = counts[at];
      count.textContent = number(units);
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
