import type { Context } from "../context";
import { focused, focusOn, h } from "../dom";

/** Milliseconds for which the button says that the text was copied. */
const SHOWN = 1400;

/** Copies an address and says so on the button. */
export function copyButton(context: Context, address: string): HTMLElement {
  const button: HTMLButtonElement = h(
    "button.address",
    {
      tabindex: -1,
      title: `Copy ${address} (c)`,
      onclick: (event: Event) => {
        event.stopPropagation();
        const outcome = copy(address, button);
        context.announce(`${outcome} ${address}`);
        button.dataset.copied = outcome;
        setTimeout(() => delete button.dataset.copied, SHOWN);
      },
    },
    h("bdi", { dir: "ltr" }, address),
  );
  return button;
}

/** The old way: navigator.clipboard is held back where a notebook isn't served over https. */
function copy(text: string, button: HTMLElement): string {
  const before = focused(button);
  const field = h("textarea", { style: "position:fixed" }, text);
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  focusOn(before);
  return copied ? "Copied" : "Not allowed here:";
}
