import type { Context } from "../context";
import { h, number, rootOf, scrollerOf } from "../dom";
import type { Scope } from "../scope";
import type { LocalState } from "../state/local";

/** Lays the list out for paper, and back as it was: what is read stays where it is. */
export function toPaper(local: LocalState, gallery: Element, printing: boolean): void {
  if (printing === local.printing.value) return;
  if (printing) {
    const scroller = scrollerOf(gallery);
    const top = scroller.scrollTop;
    local.scrollBack = () => (scroller.scrollTop = top);
  }
  local.printing.value = printing;
  if (!printing) local.scrollBack();
}

/** Prints all units once their images are here: the browser's own way waits for no kernel. */
export function printButton({ state, cache }: Context, scope: Scope): HTMLElement {
  const { printing, printsAll } = state.local;
  let asked = false;
  const button: HTMLElement = h("button.quiet", {
    title: "Print all units shown here",
    onclick: () => {
      asked = !asked;
      printsAll.value = asked;
      toPaper(state.local, button, asked);
    },
  });
  const update = () => {
    const coming = rootOf(button).querySelectorAll(".strip [data-state=coming]").length;
    button.textContent = asked ? `Stop: ${number(coming)} pictures to come` : "Print";
    if (!asked || coming) return;
    asked = false;
    print(); // comes back when that is done, also where no page tells the beginning and the end
    printsAll.value = false;
    toPaper(state.local, button, false);
  };
  scope.effect(() => {
    cache.arrivals.value;
    printing.value;
    requestAnimationFrame(update); // when the cards have followed
  });
  return button;
}
