import type { Context } from "../context";
import { h } from "../dom";
import { copy } from "./copy";

/** Copies an address. */
export function copyButton(context: Context, address: string): HTMLElement {
  const button: HTMLButtonElement = h(
    "button.address",
    {
      tabindex: -1,
      title: `Copy ${address} (c)`,
      onclick: (event: Event) => {
        event.stopPropagation();
        copy(context, address, button);
      },
    },
    h("bdi", { dir: "ltr" }, address),
  );
  return button;
}
