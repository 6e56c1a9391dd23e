import type { Context } from "../context";
import { focusOn, h, number } from "../dom";
import type { Scope } from "../scope";
import { FIRST_UNITS, MORE_UNITS } from "../state/local";

/** Below a list that ends early: the ways to more units, and back. A page of its own shows all. */
export function listEnd({ state }: Context, toTop: () => void, scope: Scope): HTMLElement {
  const { limit } = state.local;
  const total = () => (state.sides.value ? state.pairs.value.length : state.shown.value.length);
  const more = h("button.quiet", { onclick: () => (limit.value += MORE_UNITS) });
  const all = h("button.quiet", { onclick: () => (limit.value = Number.POSITIVE_INFINITY) });
  const fewer = h("button.quiet", { onclick: () => collapse() }, "Collapse");
  const collapse = () => {
    limit.value = FIRST_UNITS;
    toTop();
  };
  const element = h("div.list-end", more, all, fewer);
  scope.effect(() => {
    const left = total() - limit.value;
    const ended = !state.local.ownPage && total() > FIRST_UNITS;
    more.textContent = `Show ${number(Math.min(MORE_UNITS, left))} more`;
    all.textContent = `All ${number(total())}`;
    if (left <= 0 && [more, all].includes(element.ownerDocument.activeElement as HTMLButtonElement))
      focusOn(fewer);
    const hadFocus = (element.getRootNode() as ShadowRoot).activeElement;
    more.hidden = left <= 0;
    all.hidden = left <= MORE_UNITS;
    fewer.hidden = limit.value <= FIRST_UNITS;
    element.hidden = !ended;
    if (hadFocus === more || hadFocus === all) focusOn(more.hidden ? fewer : more);
    else if (hadFocus === fewer && fewer.hidden) focusOn(more);
  });
  return element;
}
