import type { Signal } from "@preact/signals-core";
import type { Context } from "../context";
import { focusSearch, h, number, plural, rootOf, type Scope, set } from "../dom";
import type { Overlay } from "../draw/overlay";

const SHOW = [
  ["detectors", "Detectors"],
  ["unlabelled", "Unlabelled"],
  ["all", "All units"],
] as const;
const SORTS = [
  ["iou", "Highest IoU"],
  ["activation", "Activation"],
  ["concept", "Concept A–Z"],
  ["unit", "Unit number"],
] as const;
const OVERLAYS = [
  ["mask", "Mask"],
  ["outline", "Outline"],
  ["heat", "Heat"],
  ["none", "None"],
] as const;

/** How many units are shown, and how: which, in which order, with which overlay. */
export function bar(context: Context, scope: Scope): HTMLElement {
  const menus = [
    menu(context.state.only, "Show", SHOW, scope),
    menu(context.state.sort, "Sort by", SORTS, scope),
  ];
  const looks = [overlays(context, scope), level(context, scope)];
  scope.effect(() => {
    for (const one of menus) one.hidden = !!context.state.sides.value;
    for (const one of looks) one.hidden = !context.state.table.value.top;
  });
  // The counts have a line to themselves: what comes and goes there moves nothing else.
  return h("div.status-bar", ...menus, h("span.space"), ...looks, count(context, scope));
}

/** Prints the page once the pictures of all its units are here: the browser's own way doesn't wait for them. */
function printer({ state, library }: Context, scope: Scope): HTMLElement {
  let asked = false;
  const button: HTMLElement = h("button.quiet", {
    title: "Print all units shown here",
    onclick: () => {
      asked = !asked;
      state.printing.value = asked;
    },
  });
  const look = () => {
    const coming = rootOf(button).querySelectorAll(".strip [data-state=coming]").length;
    button.textContent = asked ? `Stop: ${number(coming)} pictures to come` : "Print";
    if (!asked || coming) return;
    asked = false;
    print(); // comes back when that is done, also where no page tells the beginning and the end
    state.printing.value = false;
  };
  scope.effect(() => {
    library.arrivals.value;
    state.printing.value;
    requestAnimationFrame(look); // when the cards have followed
  });
  return button;
}

function count(context: Context, scope: Scope): HTMLElement {
  const { state } = context;
  const status = h("span.total", { role: "status" });
  const filter = h("span.filter");
  const clear: HTMLElement = h(
    "button.quiet",
    {
      onclick: () => {
        state.clearFilters();
        focusSearch(clear);
      },
    },
    "Clear filters",
  );
  const selected = h("span.selected");
  const forget: HTMLElement = h(
    "button.quiet",
    {
      "aria-label": "Clear selection",
      onclick: () => {
        focusSearch(forget);
        state.selected.value = [];
      },
    },
    "Clear",
  );
  scope.effect(() => {
    const table = state.table.value;
    const pairs = state.pairs.value.length;
    status.textContent = state.sides.value
      ? `${plural(pairs, "concept")}, best unit of each`
      : `${number(state.shown.value.length)} of ${plural(table.units, "unit")}`;
    clear.hidden = !state.filtered;
    const parts = [
      state.sought.value?.replace(/^.*?\|/, ""),
      state.chosen.value ? `${plural(state.chosen.value.length, "unit")} chosen in Python` : "",
    ].filter(Boolean);
    filter.textContent = parts.join(" · ");
    filter.hidden = !parts.length;
    const ticked = state.selected.value.length;
    selected.textContent = `${number(ticked)} selected`;
    selected.hidden = forget.hidden = !ticked;
  });
  return h("span.counts", status, filter, clear, selected, forget, h("span.space"), printer(context, scope));
}

function menu<T extends string>(
  value: Signal<T>,
  name: string,
  options: readonly (readonly [T, string])[],
  scope: Scope,
): HTMLElement {
  const select = h(
    "select",
    { "aria-label": name, onchange: () => (value.value = select.value as T) },
    ...options.map(([key, text]) => h("option", { value: key }, text)),
  );
  scope.effect(() => {
    select.value = value.value;
  });
  return select;
}

let groups = 0;

function overlays({ state }: Context, scope: Scope): HTMLElement {
  const group = `overlay-${groups++}`;
  const radios = OVERLAYS.map(([key, text]) => {
    const radio = h("input", {
      type: "radio",
      name: group,
      value: key,
      onchange: () => (state.overlay.value = key as Overlay),
    });
    return { key, radio, element: h("label", radio, h("span", text)) };
  });
  scope.effect(() => {
    for (const { key, radio } of radios) radio.checked = state.overlay.value === key;
  });
  return h(
    "div.segments",
    { role: "radiogroup", "aria-label": "Overlay" },
    ...radios.map(({ element }) => element),
  );
}

/** Moves the thresholds of all units, each within its own range of activations. */
function level({ state }: Context, scope: Scope): HTMLElement {
  const slider = h("input.level", {
    type: "range",
    min: -100,
    max: 100,
    step: 5,
    "aria-label": "Activation threshold",
    oninput: () => (state.level.value = Number(slider.value) / 100),
    ondblclick: () => (state.level.value = 0),
  });
  const output = h("span.value");
  scope.effect(() => {
    const percent = Math.round(state.level.value * 100);
    slider.value = String(percent);
    const text = percent ? `${percent > 0 ? "raised" : "lowered"} ${Math.abs(percent)} %` : "as scored";
    output.textContent = text;
    set(slider, { "aria-valuetext": text });
  });
  return h(
    "div.levels",
    { title: "All thresholds; double-click: as scored" },
    h("span", { "aria-hidden": "true" }, "Threshold"),
    slider,
    output,
  );
}
