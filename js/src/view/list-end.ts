import type { Context } from "../context";
import { focused, focusOn, h, number } from "../dom";
import type { Scope } from "../scope";
import { MORE_UNITS } from "../state/local";

/** Below a list that ends early: the ways to more units, and back. A page of its own shows all. */
export function listEnd({ state }: Context, toTop: () => void, scope: Scope): HTMLElement {
  const { first, more, limit } = state.local;
  const total = () => (state.sides.value ? state.pairs.value.length : state.shown.value.length);
  const next = h("button.quiet", { onclick: () => (more.value += MORE_UNITS) });
  const all = h("button.quiet", { onclick: () => (more.value = Number.POSITIVE_INFINITY) });
  const fewer = h("button.quiet", { onclick: () => collapse() }, "Collapse");
  const collapse = () => {
    more.value = 0;
    toTop();
  };
  const element = h("div.list-end", next, all, fewer);
  scope.effect(() => {
    const left = total() - limit.value;
    const focus = focused(element);
    next.textContent = `Show ${number(Math.min(MORE_UNITS, left))} more`;
    all.textContent = `All ${number(total())}`;
    next.hidden = left <= 0;
    all.hidden = left <= MORE_UNITS;
    fewer.hidden = more.value <= 0;
    element.hidden = state.local.ownPage || total() <= first.value;
    // What was pressed may be gone: the focus goes to what is left.
    if ((focus === next || focus === all) && focus.hidden) focusOn(next.hidden ? fewer : next);
    if (focus === fewer && fewer.hidden) focusOn(next);
  });
  return element;
}
