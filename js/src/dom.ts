import { guarded } from "./scope";

type Listener = (event: never) => void;
type Properties = Record<string, string | number | boolean | Listener>;
type Child = Node | string | null | undefined | false;
type Name = keyof HTMLElementTagNameMap;
type Tag = Name | `${Name}.${string}`;
type ElementOf<T extends Tag> = T extends Name
  ? HTMLElementTagNameMap[T]
  : T extends `${infer N extends Name}.${string}`
    ? HTMLElementTagNameMap[N]
    : never;

/**
 * Makes an element, `"div.problem"` with a class. Strings become text, never markup; `onclick` and the
 * like become listeners.
 */
export function h<T extends Tag>(tag: T, ...parts: (Child | Properties)[]): ElementOf<T> {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (name === "button") set(element, { type: name });
  if (classes.length) element.className = classes.join(" ");
  for (const part of parts) {
    if (typeof part === "string" || part instanceof Node) element.append(part);
    else if (part) set(element, part);
  }
  return element as ElementOf<T>;
}

/** Sets attributes and listeners; `aria-…` are "true" or "false" where others are there or not. */
export function set(element: Element, properties: Properties): void {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), guarded(value) as EventListener);
    else if (typeof value !== "boolean" || name.startsWith("aria")) element.setAttribute(name, String(value));
    else element.toggleAttribute(name, value);
  }
}

/** Adds a listener and returns what removes it. */
export function listen(to: EventTarget, type: string, handler: EventListener, capture = false): () => void {
  to.addEventListener(type, handler, capture);
  return () => to.removeEventListener(type, handler, capture);
}

/** A label that somebody else wrote: as text, in its own direction. */
export const label = (text: string, className = "", title = text): HTMLElement =>
  h("bdi", { class: `label ${className}`, title }, named(text));

/** Imported tables hold labels without a name, too. */
export const named = (text: string): string => text.trim() || "(unnamed)";

/** Moves the focus and nothing else. */
export const focusOn = (element: HTMLElement | null | undefined): void =>
  element?.focus({ preventScroll: true });

/** Whether these keys run a notebook's cell: with Shift and go on, with Ctrl and stay, with Alt and insert one. */
export const runsCell = ({ key, shiftKey, ctrlKey, metaKey, altKey }: KeyboardEvent): boolean =>
  key === "Enter" && (shiftKey || ctrlKey || metaKey || altKey);

/** The gallery that an element is in. */
export const rootOf = (element: Element): ShadowRoot => element.getRootNode() as ShadowRoot;

/** What scrolls an element: the nearest ancestor that can, also outside the gallery, or the page. */
export function scrollerOf(element: Element): Element {
  let at: Element | null = element;
  while (at) {
    const root: Node = at.getRootNode();
    at = at.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
    if (at && at.scrollHeight > at.clientHeight && /auto|scroll/.test(getComputedStyle(at).overflowY))
      return at;
  }
  return document.scrollingElement ?? document.documentElement;
}

/** What has the focus, in the gallery of an element. */
export const focused = (element: Element): HTMLElement | null =>
  rootOf(element).activeElement as HTMLElement | null;

/** Moves the focus to the search field: what has it is about to vanish, and would throw the keyboard out. */
export const focusSearch = (from: Element): void =>
  focusOn(rootOf(from).querySelector<HTMLElement>(".search"));

/** Names in a row of text, each in its own direction. */
export const listed = (names: string[]): (string | HTMLElement)[] =>
  names.flatMap((name, at) => [at ? ", " : "", h("bdi", named(name))]);

/** An ornament beside the name of a category: its shape and color. */
export const glyph = (kind: number): HTMLElement => colored(kind, `glyph k${kind}`);

/** An empty element in the color of a category. */
export function colored(kind: number, className: string): HTMLElement {
  const element = h("i", { class: className, "aria-hidden": "true" });
  element.style.setProperty("--kind", `var(--k${kind})`);
  return element;
}

export const number = (value: number): string => value.toLocaleString("en-US");

export const plural = (count: number, noun: string): string =>
  `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
