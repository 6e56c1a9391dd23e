import type { Context } from "../context";
import { glyph, h, label, number, set } from "../dom";
import { kindOf } from "../draw/colors";
import type { Scope } from "../scope";

interface Chip {
  button: HTMLElement;
  count: HTMLElement;
}

/** A button for each category, with its number of units: filters by it, or no longer. */
export function chips({ state }: Context, scope: Scope): HTMLElement {
  const element = h("div.chips", { role: "group", "aria-label": "Categories" });
  let made: string[] = [];
  let all: Chip[] = [];
  scope.effect(() => {
    const counts = state.categoryCounts.value;
    const categories = counts.map(({ category }) => category);
    // Made anew only where they are others, or the one just pressed would lose the focus.
    if (categories.join() !== made.join()) {
      made = categories;
      all = made.map((category) => chip(category, made, () => state.toggleCategory(category)));
      element.replaceChildren(...all.map(({ button }) => button));
    }
    all.forEach(({ button, count }, at) => {
      count.textContent = number(counts[at].units);
      set(button, { "aria-pressed": state.synced.category.value.includes(made[at]) });
    });
  });
  return element;
}

function chip(category: string, categories: string[], toggle: () => void): Chip {
  const count = h("span.count");
  const button = h(
    "button.chip",
    { "data-category": category, "aria-pressed": "false", onclick: toggle },
    glyph(kindOf(category, categories)),
    label(category),
    " ",
    count,
  );
  return { button, count };
}
