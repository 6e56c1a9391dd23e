import { signal } from "@preact/signals-core";
import type { Context } from "../context";
import { focused, focusOn, focusSearch, h, number, set } from "../dom";
import type { Scope } from "../scope";
import { viewCode } from "../state/python";
import { changes } from "./changes";
import { chips } from "./chips";
import { overlayMenu, showMenu, sortMenu, thresholds } from "./choices";
import { copy } from "./copy";
import { cutSlider } from "./cut-slider";
import { showKeys } from "./keys";
import { popup } from "./popup";
import { printButton } from "./print-button";
import { search } from "./search";

/** Below these widths the order goes into the menu, then what is shown, then the rest: there the toolbar has two rows. */
const FOLDS = [1000, 760, 560];

/** What is looked for and how it is shown: one line that stays in view while the page scrolls. */
export function toolbar(context: Context, scope: Scope): HTMLElement {
  const choices = [sortMenu(context, scope), showMenu(context, scope), overlayMenu(context, scope)];
  const more = moreMenu(context, scope);
  const element = h(
    "div.toolbar",
    { role: "toolbar", "aria-label": "Which units, and how" },
    search(context, scope),
    chosen(context, scope),
    changes(context, scope),
    chips(context, scope),
    cutSlider(context, scope),
    ...choices,
    more.element,
  );
  const folded = signal(0);
  const sizes = new ResizeObserver(() => {
    const width = element.clientWidth || FOLDS[0]; // none while it is out of the page
    folded.value = FOLDS.filter((least) => width < least).length;
  });
  sizes.observe(element);
  scope.onCleanup(() => sizes.disconnect());
  scope.effect(() => {
    const focus = focused(element);
    more.element.before(...choices.slice(folded.value));
    more.panel.prepend(...choices.slice(0, folded.value));
    if (choices.some((each) => each.contains(focus))) focusOn(focus);
  });
  return element;
}

/** Says that only some units were chosen, and ends that. */
function chosen({ state }: Context, scope: Scope): HTMLElement {
  const { synced } = state;
  const text = h("span");
  const end = () => {
    focusSearch(button);
    synced.chosen.value = null;
  };
  const button: HTMLElement = h("button.chip", { title: "Show all units again", onclick: end }, text, " ×");
  scope.effect(() => {
    const units = synced.chosen.value;
    button.hidden = !units || !!state.sides.value;
    text.textContent = `${number(units?.length ?? 0)} chosen`;
    set(button, { "aria-label": `${text.textContent}: show all units again` });
  });
  return button;
}

/** The rest: thresholds, the graph, printing, and what was dissected in small print. */
function moreMenu(context: Context, scope: Scope) {
  const { state } = context;
  const chart = h("button.quiet", { onclick: () => (state.local.chart.value = !state.local.chart.value) });
  const facts = h("p.hint");
  scope.effect(() => {
    chart.textContent = state.local.chart.value ? "Hide the chart" : "Show the chart";
    facts.textContent = state.visibleTables.value.map((table) => table.facts).join(" – ");
  });
  const copyView: HTMLElement = h(
    "button.quiet",
    {
      title: "The line that restores what you see",
      onclick: () => copy(context, viewCode(state, !context.source.overdue.value), copyView),
    },
    "Copy this view as Python",
  );
  const keys: HTMLElement = h("button.quiet", { onclick: () => showKeys(keys) }, "Keys (?)");
  const parts = [
    thresholds(context, scope),
    chart,
    copyView,
    printButton(context, scope),
    keys,
    h("hr"),
    facts,
  ];
  const menu = popup("More", ["⋯"], parts, scope);
  set(menu.button, { class: "opens more-sign" });
  return menu;
}
