import type { Signal } from "@preact/signals-core";
import type { Context } from "../context";
import { h, set } from "../dom";
import type { Scope } from "../scope";
import type { Only, Overlay, Sort } from "../state/gallery-state";
import type { State } from "../state/state";
import { popup } from "./popup";

type Choices<T extends string> = readonly (readonly [value: T, text: string])[];

const SHOW: Choices<Only> = [
  ["detectors", "Detectors"],
  ["unlabelled", "Below cut"],
  ["all", "All units"],
];
const SORTS: Choices<Sort> = [
  ["iou", "Highest IoU"],
  ["activation", "Activation"],
  ["concept", "Concept A–Z"],
  ["unit", "Unit number"],
];
const OVERLAYS: Choices<Overlay> = [
  ["mask", "Mask"],
  ["outline", "Outline"],
  ["heat", "Heat"],
  ["none", "None"],
];

/** Which units are shown. */
export const showMenu = ({ state }: Context, scope: Scope): HTMLElement =>
  menu(state, state.synced.only, "Show", SHOW, scope);

/** In which order. */
export const sortMenu = ({ state }: Context, scope: Scope): HTMLElement =>
  menu(state, state.synced.sort, "Sort by", SORTS, scope);

/** How the images are drawn over: a button whose panel offers the ways. */
export function overlayMenu({ state }: Context, scope: Scope): HTMLElement {
  const { overlay } = state.synced;
  const sign = h("i.overlay-sign", { "aria-hidden": "true" });
  const { element: menu, button } = popup("Overlay", [sign], [overlayChoice(overlay, scope)], scope);
  const element = named("div", "Overlay", menu);
  scope.effect(() => {
    element.hidden = !state.table.value.top;
    sign.dataset.overlay = overlay.value;
    const [, text] = OVERLAYS.find(([key]) => key === overlay.value) ?? OVERLAYS[0];
    button.title = `Overlay: ${text.toLowerCase()}`;
  });
  return element;
}

/** Moves all thresholds; hidden where there is nothing drawn that they could change. */
export function thresholds({ state }: Context, scope: Scope): HTMLElement {
  const element = levelSlider(state.local.level, scope);
  scope.effect(() => {
    element.hidden = !state.table.value.top;
  });
  return element;
}

function menu<T extends string>(
  state: State,
  value: Signal<T>,
  name: string,
  choices: Choices<T>,
  scope: Scope,
): HTMLElement {
  const select = h(
    "select",
    { "aria-label": name, onchange: () => (value.value = select.value as T) },
    ...choices.map(([key, text]) => h("option", { value: key }, text)),
  );
  const element = named("label", name, select);
  scope.effect(() => {
    select.value = value.value;
    element.hidden = !!state.sides.value;
  });
  return element;
}

/** A choice with its name, which is seen where the choice is in a menu. */
const named = (tag: "label" | "div", name: string, choice: HTMLElement): HTMLElement =>
  h(`${tag}.choice`, h("span", { "aria-hidden": "true" }, name), choice);

let groups = 0;

function overlayChoice(overlay: Signal<Overlay>, scope: Scope): HTMLElement {
  const group = `overlay-${groups++}`;
  const radios = OVERLAYS.map(([key, text]) => {
    const choose = () => (overlay.value = key);
    const radio = h("input", { type: "radio", name: group, value: key, onchange: choose });
    return { key, radio, element: h("label", radio, h("span", text)) };
  });
  scope.effect(() => {
    for (const { key, radio } of radios) radio.checked = overlay.value === key;
  });
  return h(
    "div.segments",
    { role: "radiogroup", "aria-label": "Overlay" },
    ...radios.map(({ element }) => element),
  );
}

/** Moves the thresholds of all units, each within its own range of activations. */
function levelSlider(level: Signal<number>, scope: Scope): HTMLElement {
  const slider = h("input.level", {
    type: "range",
    min: -100,
    max: 100,
    step: 5,
    "aria-label": "Activation threshold",
    oninput: () => (level.value = Number(slider.value) / 100),
    ondblclick: () => (level.value = 0),
  });
  const output = h("span.value");
  scope.effect(() => {
    const percent = Math.round(level.value * 100);
    const text = percent ? `${percent > 0 ? "raised" : "lowered"} ${Math.abs(percent)} %` : "as scored";
    slider.value = String(percent);
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
