import type { Context } from "../context";
import { h, label, set } from "../dom";
import type { Scope } from "../scope";
import type { State } from "../state/state";

/** Which dissection is shown, where there are several: one at a time, or two side by side. */
export function tabs({ state }: Context, scope: Scope): HTMLElement | null {
  const keys = state.synced.tables.peek().map(({ key }) => key);
  if (keys.length < 2) return null;
  const singles = keys.map((key) => singleTab(state, key));
  const together = h(
    "button.tab",
    { onclick: () => (state.synced.compare.value = state.sides.value ? [] : neighbors(state, keys)) },
    "Side by side",
  );
  const selects = [sideSelect(state, keys, 0), sideSelect(state, keys, 1)];
  const pair = h("span.pair", selects[0], " beside ", selects[1]);
  scope.effect(() => {
    const sides = state.sides.value;
    set(together, { "aria-pressed": !!sides });
    for (const tab of singles)
      set(tab, { "aria-pressed": !sides && tab.dataset.key === state.table.value.key });
    pair.hidden = !sides;
    sides?.forEach((table, side) => {
      selects[side].value = table.key;
    });
  });
  return h("div.tabs", { role: "group", "aria-label": "Dissections" }, ...singles, together, pair);
}

function singleTab(state: State, key: string): HTMLElement {
  const show = () => {
    state.synced.compare.value = [];
    state.synced.current.value = key;
  };
  return h("button.tab", { "data-key": key, onclick: show }, label(key));
}

function sideSelect({ synced }: State, keys: string[], side: 0 | 1): HTMLSelectElement {
  const choose = (event: Event) => {
    const next = [...synced.compare.value];
    const key = (event.target as HTMLSelectElement).value;
    if (next[1 - side] === key) next[1 - side] = next[side]; // nothing stands beside itself: change places
    next[side] = key;
    synced.compare.value = next;
  };
  return h(
    "select",
    { "aria-label": side ? "Right dissection" : "Left dissection", onchange: choose },
    ...keys.map((key) => h("option", { value: key }, key)),
  );
}

/** The dissection that is shown and the one after it. */
function neighbors(state: State, keys: string[]): string[] {
  const at = Math.min(keys.indexOf(state.table.value.key), keys.length - 2);
  return keys.slice(at, at + 2);
}
