import type { Context } from "../context";
import { focusSearch, h } from "../dom";
import type { Scope } from "../scope";
import { nothingShown, type Way } from "./nothing";

/** Says why nothing is shown and offers the ways out. */
export function empty({ state }: Context, scope: Scope): HTMLElement {
  const element = h("div.empty");
  scope.effect(() => {
    const nothing = state.sides.value ? !state.pairs.value.length : !state.shown.value.length;
    element.hidden = !nothing;
    if (!nothing) return;
    const { reason, query, notes, ways } = nothingShown(state);
    const [before, after] = reason.split("{}");
    const action = ({ text, go }: Way) => {
      const onclick = () => {
        go();
        focusSearch(element);
      };
      return h("button", { onclick }, text);
    };
    element.replaceChildren(
      h("strong", before, after === undefined ? "" : h("bdi", `“${query}”`), after ?? ""),
      ...notes.map((note) => h("p", note)),
      h("div", ...ways.map(action)),
    );
  });
  return element;
}
