import type { Context } from "../context";
import { focusOn, h, set } from "../dom";

const KEYS: [keys: string, what: string][] = [
  ["← → ↑ ↓", "Go from unit to unit; in an opened unit ← and → turn to the next one"],
  ["Page Up, Page Down, Home, End", "Go a screenful, or to the first or last unit"],
  ["Enter, Esc", "Open the unit, close it"],
  ["Space", "Select the unit, or no longer"],
  ["Shift + arrow, Shift + click", "Select all from there to here"],
  ["Ctrl + A", "Select all units that are shown"],
  ["Ctrl + Z", "Undo the last change of the selection"],
  ["c", "Copy the unit's address"],
  ["/", "Search"],
  ["↓ in the search", "Go through the suggestions; Enter takes one, Esc empties the search"],
  ["double-click on a slider", "Back to where it began"],
  ["?", "This list"],
];

/** Shows the keys, until Esc or a click beside the list. */
export function showKeys(from: HTMLElement): void {
  const dialog: HTMLDialogElement = h(
    "dialog.keys",
    { "aria-label": "Keys", onclose: () => dialog.remove() },
    h("h3", "Keys"),
    h("dl", ...KEYS.flatMap(([keys, what]) => [h("dt", keys), h("dd", what)])),
    h("button", { onclick: () => dialog.close() }, "Close"),
  );
  set(dialog, { onclick: (event: Event) => event.target === dialog && dialog.close() });
  (from.closest(".gallery") ?? from).append(dialog);
  dialog.showModal();
}

/** Whether what is typed goes into a field. */
export const isTyping = (event: Event): boolean =>
  (event.target as Element).matches("select,textarea,input:not([type=checkbox],[type=radio],[type=range])");

/** The keys that work wherever the focus is in the gallery. */
export function keysEverywhere({ state, say }: Context, box: HTMLElement): (event: KeyboardEvent) => void {
  const plain: Record<string, () => void> = {
    "?": () => showKeys(box),
    "/": () => focusOn(box.querySelector<HTMLElement>(".search")),
  };
  const withControl: Record<string, () => void> = {
    a: () => state.selectAll(),
    z: () => say(state.selection.undo() ? "Undone" : "Nothing to undo in the selection"),
  };
  return (event) => {
    if (event.defaultPrevented || event.altKey || isTyping(event)) return;
    if (box.querySelector("dialog[open]")) return;
    const control = event.ctrlKey || event.metaKey;
    const action = control ? !event.shiftKey && withControl[event.key.toLowerCase()] : plain[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };
}

/** What the keys do on an opened unit. */
interface OnUnit {
  toggle(): void;
  turn(by: number): void;
}

/** The keys of an opened unit, which are those of the grid; what a button gets is its own. */
export function keysOnUnit(region: HTMLElement, { toggle, turn }: OnUnit): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    const own = event.target === region;
    const slider = (event.target as Element).matches("input,[role=slider],[role=option],[role=row]");
    const actions: Record<string, (() => void) | false> = {
      c: () => region.querySelector<HTMLElement>(".address")?.click(),
      " ": own && toggle,
      ArrowLeft: !slider && (() => turn(-1)),
      ArrowRight: !slider && (() => turn(1)),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };
}
