import type { Context } from "../context";
import { h } from "../dom";
import type { Scope } from "../scope";
import { selectionBar } from "./selection-bar";

/** Milliseconds for which it is said that something was done. */
const SHOWN = 2200;

/** What stays at the bottom of the view: what was just done, and what can be done with the selected units. */
export function dock(context: Context, scope: Scope): HTMLElement {
  const { said } = context.state.local;
  const sign = h("div.said", { "aria-hidden": "true" }); // those who listen are told by `announce`
  let timer: ReturnType<typeof setTimeout>;
  scope.effect(() => {
    sign.textContent = said.value.text;
    sign.hidden = !said.value.text;
    clearTimeout(timer);
    if (said.value.text) timer = setTimeout(() => (said.value = { text: "" }), SHOWN);
  });
  scope.onCleanup(() => clearTimeout(timer));
  return h("div.dock", sign, selectionBar(context, scope));
}
