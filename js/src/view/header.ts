import type { Context } from "../context";
import { countAt } from "../data/counts";
import { cutText, type Table } from "../data/table";
import { h, label, number, type Scope, set } from "../dom";

/** What was dissected, and the answer: how many units are detectors, of how many concepts. */
export function header(context: Context, scope: Scope): HTMLElement {
  const { state } = context;
  const element = h("div.header");
  scope.effect(() => {
    const cut = state.cut.value;
    element.classList.toggle("paired", !!state.sides.value);
    element.replaceChildren(...state.looking.value.map((table) => one(table, cut, state.several)));
  });
  return element;
}

function one(table: Table, cut: number, several: boolean): HTMLElement {
  const counts = countAt(table, cut);
  const named = several && table.key !== table.layer;
  const figure = (value: number, text: string) => h("div.figure", h("b", number(value)), h("span", text));
  const detectors = figure(
    counts.detectors,
    `of ${number(table.units)} ${table.units === 1 ? "unit" : "units"} ${counts.detectors === 1 ? "is a detector" : "are detectors"}`,
  );
  detectors.title = `Best IoU ${cutText(table, cut)}, each unit once, for its best concept. By the paper's rule, once in each category that it passes in: ${number(counts.paper.detectors)} detectors, ${number(counts.paper.unique)} unique.`;
  return h(
    "div.summary",
    h(
      "div.what",
      h(
        "h2",
        label(named ? table.key : table.layer),
        h("span.model", label(named ? `${table.layer}, ${table.model}` : table.model)),
      ),
      h("p.facts", table.facts),
    ),
    detectors,
    figure(counts.unique, counts.unique === 1 ? "unique concept" : "unique concepts"),
  );
}

/** Which dissection is shown, where there are several: one at a time, or two side by side. */
export function tabs({ state }: Context, scope: Scope): HTMLElement | null {
  const keys = state.tables.peek().map(({ key }) => key);
  if (keys.length < 2) return null;
  const element = h("div.tabs", { role: "group", "aria-label": "Dissections" });
  const side = (at: number) =>
    h(
      "select",
      {
        "aria-label": at ? "Right dissection" : "Left dissection",
        onchange: (event: Event) => {
          const next = [...state.compare.value];
          const name = (event.target as HTMLSelectElement).value;
          if (next[1 - at] === name) next[1 - at] = next[at]; // nothing stands beside itself: change places
          next[at] = name;
          state.compare.value = next;
        },
      },
      ...keys.map((key) => h("option", { value: key }, key)),
    );
  const selects = [side(0), side(1)];
  const together = h(
    "button.tab",
    { onclick: () => (state.compare.value = state.sides.value ? [] : neighbours()) },
    "Side by side",
  );
  const singles = keys.map((key) =>
    h(
      "button.tab",
      {
        "data-key": key,
        onclick: () => {
          state.compare.value = [];
          state.current.value = key;
        },
      },
      label(key),
    ),
  );
  function neighbours(): string[] {
    const at = Math.min(keys.indexOf(state.table.value.key), keys.length - 2);
    return keys.slice(at, at + 2);
  }
  const pair = h("span.pair", selects[0], " beside ", selects[1]);
  scope.effect(() => {
    const sides = state.sides.value;
    set(together, { "aria-pressed": !!sides });
    for (const tab of singles)
      set(tab, { "aria-pressed": !sides && tab.dataset.key === state.table.value.key });
    pair.hidden = !sides;
    sides?.forEach((table, at) => {
      selects[at].value = table.key;
    });
  });
  element.append(...singles, together, pair);
  return element;
}
