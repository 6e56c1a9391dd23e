import type { Context } from "../context";
import { h, number, rootOf } from "../dom";
import type { Scope } from "../scope";

/** Prints the page once the images of all its units are here: the browser's own way doesn't wait for them. */
export function printButton({ state, cache }: Context, scope: Scope): HTMLElement {
  const { printing } = state.local;
  let asked = false;
  const button: HTMLElement = h("button.quiet", {
    title: "Print all units shown here",
    onclick: () => {
      asked = !asked;
      printing.value = asked;
    },
  });
  const update = () => {
    const coming = rootOf(button).querySelectorAll(".strip [data-state=coming]").length;
    button.textContent = asked ? `Stop: ${number(coming)} pictures to come` : "Print";
    if (!asked || coming) return;
    asked = false;
    print(); // comes back when that is done, also where no page tells the beginning and the end
    printing.value = false;
  };
  scope.effect(() => {
    cache.arrivals.value;
    printing.value;
    requestAnimationFrame(update); // when the cards have followed
  });
  return button;
}
