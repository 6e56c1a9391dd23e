import { type Signal, signal } from "@preact/signals-core";
import type { Context } from "../context";
import { unlike } from "../data/comparison";
import { h, label, set } from "../dom";
import type { Scope } from "../scope";
import type { State } from "../state/state";

/** So many graphs on one axis can still be read. */
const MOST_COMPARED = 8;

/** Which dissection is shown, where there are several: one at a time, two side by side, or more on one axis. */
export function tabs({ state }: Context, scope: Scope): HTMLElement | null {
  const keys = state.synced.tables.peek().map(({ key }) => key);
  if (keys.length < 2) return null;
  const refusal = signal("");
  return h(
    "div.tabs",
    { role: "group", "aria-label": "Dissections" },
    ...keys.map((key) => singleTab(state, key, refusal, scope)),
    ...comparing(state, keys, refusal, scope),
    note(state, refusal, scope),
  );
}

function singleTab(state: State, key: string, refusal: Signal<string>, scope: Scope): HTMLElement {
  const show = () => {
    refusal.value = "";
    state.showAlone(key);
  };
  const tab = h("button.tab", { "data-key": key, onclick: show }, label(key));
  scope.effect(() => set(tab, { "aria-pressed": !state.compared.value && key === state.table.value.key }));
  return tab;
}

/** The ways to compare: two, which change places at a click, or, where there are more, all. */
function comparing(state: State, keys: string[], refusal: Signal<string>, scope: Scope): HTMLElement[] {
  const two = keys.length === 2;
  const compare = (names: string[]) => {
    refusal.value = state.compare(names);
  };
  const toggle = (text: string, pressed: () => boolean, names: () => string[]) => {
    const button = h("button.tab", { onclick: () => compare(pressed() ? [] : names()) }, text);
    scope.effect(() => set(button, { "aria-pressed": pressed() }));
    return button;
  };
  const ofTwo = () => !!state.sides.value;
  const ofMore = () => !!state.compared.value && !ofTwo();
  const all = keys.length <= MOST_COMPARED ? "Compare all" : `Compare ${MOST_COMPARED}`;
  return [
    toggle(two ? "Compare" : "Compare two", ofTwo, () => around(state, keys, 2)),
    pair(state, keys, compare, scope),
    ...(two ? [] : [toggle(all, ofMore, () => around(state, keys, MOST_COMPARED))]),
  ];
}

/** Which two are compared, and a button that has them change places. */
function pair(state: State, keys: string[], compare: (names: string[]) => void, scope: Scope): HTMLElement {
  const selects = keys.length > 2 ? [0, 1].map((side) => sideSelect(state, keys, side, compare)) : [];
  const swap = h(
    "button.quiet",
    {
      title: "Left and right change places",
      onclick: () => compare([...state.synced.compare.value].reverse()),
    },
    "⇄ Swap",
  );
  const element = h("span.pair", selects[0], swap, selects[1]);
  scope.effect(() => {
    const { sides } = state;
    element.hidden = !sides.value;
    sides.value?.forEach((table, side) => {
      if (selects[side]) selects[side].value = table.key;
    });
  });
  return element;
}

function sideSelect(
  { synced }: State,
  keys: string[],
  side: number,
  compare: (names: string[]) => void,
): HTMLSelectElement {
  const choose = () => {
    const next = [...synced.compare.value];
    if (next[1 - side] === select.value) next[1 - side] = next[side]; // nothing stands beside itself: change places
    next[side] = select.value;
    compare(next);
    select.value = synced.compare.value[side];
  };
  const select: HTMLSelectElement = h(
    "select",
    { "aria-label": side ? "Right dissection" : "Left dissection", onchange: choose },
    ...keys.map((key) => h("option", { value: key }, key)),
  );
  return select;
}

/** Why two can't be compared, or in what else than their networks those that are compared differ. */
function note(state: State, refusal: Signal<string>, scope: Scope): HTMLElement {
  const element = h("p.hint", { role: "note" });
  scope.effect(() => {
    const [first, ...others] = state.compared.value ?? [];
    const text = refusal.value || others.map((other) => unlike(first, other)).find(Boolean) || "";
    element.textContent = text && `⚠ ${text}`;
    element.hidden = !text;
  });
  return element;
}

/** The dissection that is shown and those after it, so many in all, as far as there are. */
function around(state: State, keys: string[], count: number): string[] {
  const at = Math.max(0, Math.min(keys.indexOf(state.table.value.key), keys.length - count));
  return keys.slice(at, at + count);
}
