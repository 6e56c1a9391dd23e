import { focused, focusOn, h, listen, set } from "../dom";
import type { Scope } from "../scope";

interface Popup {
  /** The button and, below it, the panel. */
  element: HTMLElement;
  button: HTMLElement;
  panel: HTMLElement;
  close(): void;
}

/** A button that opens a small panel below itself. Escape, a click elsewhere or leaving it closes the panel. */
export function popup(name: string, sign: (Node | string)[], parts: Node[], scope: Scope): Popup {
  const panel = h("div.panel", { role: "group", "aria-label": name, hidden: true }, ...parts);
  const show = (open: boolean) => {
    panel.hidden = !open;
    set(button, { "aria-expanded": open });
  };
  const button: HTMLElement = h(
    "button.opens",
    { "aria-label": name, title: name, "aria-expanded": "false", onclick: () => show(!!panel.hidden) },
    ...sign,
  );
  const element = h(
    "div.popup",
    {
      onkeydown: (event: KeyboardEvent) => {
        if (event.key !== "Escape" || panel.hidden) return;
        event.preventDefault();
        event.stopPropagation();
        if (panel.contains(focused(panel))) focusOn(button);
        show(false);
      },
      onfocusout: ({ relatedTarget }: FocusEvent) => {
        if (relatedTarget && !element.contains(relatedTarget as Node)) show(false);
      },
    },
    button,
    panel,
  );
  // Anywhere in the page: what is clicked there may take no focus.
  const away = (event: Event) => event.composedPath().includes(element) || show(false);
  scope.onCleanup(listen(document, "pointerdown", away, true));
  return { element, button, panel, close: () => show(false) };
}
