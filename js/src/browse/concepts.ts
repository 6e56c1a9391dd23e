import { glyph, h, number, set } from "../dom";
import { kindOf } from "../draw/colors";
import type { Scope } from "../scope";
import type { BrowseState, Order } from "./state";

const ORDERS: Record<Order, string> = {
  images: "most images",
  pixels: "most pixels",
  name: "name",
  category: "category",
};

/** The concepts with their counts: one is chosen with a click or the arrows. */
export function conceptList(state: BrowseState, scope: Scope): HTMLElement {
  const { table } = state;
  const search = h("input", {
    type: "search",
    placeholder: "Search concepts",
    "aria-label": "Search concepts",
    oninput: () => (state.query.value = search.value),
    onkeydown: (event: KeyboardEvent) => {
      if (event.key === "ArrowDown") list.focus();
    },
  });
  const order = h(
    "select",
    { "aria-label": "Order", onchange: () => (state.order.value = order.value as Order) },
    ...Object.entries(ORDERS).map(([value, text]) => h("option", { value }, text)),
  );
  const list = h("div.concepts", {
    role: "listbox",
    "aria-label": "Concepts",
    tabindex: 0,
    onkeydown: (event: KeyboardEvent) => move(event),
  });
  const rows = table.names.map((name, c) => {
    const category = table.categories[table.category_of[c]];
    const figures = [h("span.figure"), h("span.figure"), h("span.figure")];
    const row = h(
      "div.row",
      {
        role: "option",
        id: `concept-${c}`,
        onclick: () => state.choose(state.concept.peek() === c ? -1 : c),
      },
      glyph(kindOf(category, table.categories)),
      h("bdi.label", { title: `${name} (${category})` }, name),
      ...figures,
    );
    return { row, figures };
  });
  const none = h("p.hint", "No concept is called so.");
  const move = (event: KeyboardEvent) => {
    const listed = state.listed.peek();
    const at = listed.indexOf(state.concept.peek());
    const to: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: Math.max(0, at - 1),
      Home: 0,
      End: listed.length - 1,
    };
    if (event.key === "Escape") state.choose(-1);
    else if (event.key in to) state.choose(listed[Math.min(listed.length - 1, to[event.key])] ?? -1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  scope.effect(() => {
    const listed = state.listed.value;
    list.replaceChildren(...listed.map((c) => rows[c].row));
    none.hidden = listed.length > 0;
    list.hidden = !listed.length;
  });
  scope.effect(() => {
    const { images, shares, ceilings } = state.counts.value;
    rows.forEach(({ row, figures: [count, share, ceiling] }, c) => {
      count.textContent = number(images[c]);
      share.textContent = percent(shares[c]);
      ceiling.textContent = ceilings[c] ? ceilings[c].toFixed(ceilings[c] < 0.1 ? 3 : 2) : "–";
      const out = state.outOfReach(c);
      ceiling.classList.toggle("out", out);
      ceiling.title = out ? "Out of reach: it covers so much that no unit can pass the cut" : "";
      if (out) ceiling.append(h("span", { "aria-label": "out of reach" }, " ⊘"));
      row.classList.toggle("empty", !images[c]);
    });
  });
  scope.effect(() => {
    const chosen = state.concept.value;
    rows.forEach(({ row }, c) => {
      set(row, { "aria-selected": c === chosen });
    });
    if (chosen < 0) return list.removeAttribute("aria-activedescendant");
    set(list, { "aria-activedescendant": `concept-${chosen}` });
    const { row } = rows[chosen];
    if (
      row.offsetTop < list.scrollTop ||
      row.offsetTop + row.offsetHeight > list.scrollTop + list.clientHeight
    )
      list.scrollTop = row.offsetTop - list.clientHeight / 2;
  });
  return h(
    "div.side",
    h("div.tools", search, order),
    h(
      "div.row.head",
      { "aria-hidden": "true" },
      h("span.glyph"),
      h("span.label", "concept"),
      h("span.figure", "images"),
      h("span.figure", "pixels"),
      h("span.figure", { title: `At quantile ${table.quantile}` }, "max. IoU"),
    ),
    list,
    none,
  );
}

/** A share of all pixels with two digits. */
export function percent(share: number): string {
  if (!share) return "0 %";
  const value = 100 * share;
  return `${value >= 10 ? Math.round(value) : value >= 0.01 ? +value.toPrecision(2) : "< 0.01"} %`;
}
