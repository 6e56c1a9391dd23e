import { effect, signal } from "@preact/signals-core";

type Listener = (event: never) => void;
type Properties = Record<string, string | number | boolean | null | undefined | Listener>;
type Child = Node | string | null | undefined | false;

/** The first thing that went wrong in the page's own code; shown, with what to do. */
export const failure = signal<unknown>(null);

/** Runs what an event or a change set off; a mistake in it is shown and never leaves the widget dead. */
export function guarded<A extends unknown[]>(action: (...values: A) => void): (...values: A) => void {
  return (...values) => {
    try {
      action(...values);
    } catch (error) {
      console.error(error);
      failure.value ??= error;
    }
  };
}

/** Makes an element. Strings become text, never markup; `onclick` and the like become listeners. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (tag === "button") set(element, { type: tag });
  set(element, properties);
  for (const child of children) if (child) element.append(child);
  return element;
}

/** Sets attributes and listeners. */
export function set(element: Element, properties: Properties): void {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), guarded(value) as EventListener);
    else if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Adds a listener and returns what removes it. */
export function listen(to: EventTarget, type: string, hear: EventListener, early = false): () => void {
  to.addEventListener(type, hear, early);
  return () => to.removeEventListener(type, hear, early);
}

/** Effects and clean-ups that end together. */
export class Scope {
  readonly #ends: (() => void)[] = [];

  effect(action: () => void): void {
    this.#ends.push(effect(guarded(action)));
  }

  end(action: () => void): void {
    this.#ends.push(action);
  }

  dispose(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}

/** A label that somebody else wrote: as text, in its own direction. */
export const label = (text: string, className = ""): HTMLElement =>
  h("bdi", { class: `label ${className}`, title: text }, named(text));

/** Imported tables hold labels without a name, too. */
export const named = (text: string): string => text.trim() || "(unnamed)";

/** Moves the focus to the search field: what has it is about to vanish, and would throw the keyboard out. */
export const focusSearch = (from: Element): void =>
  (from.getRootNode() as ShadowRoot).querySelector<HTMLElement>(".search")?.focus({ preventScroll: true });

/** Names in a row of text, each in its own direction. */
export const listed = (names: string[]): (string | HTMLElement)[] =>
  names.flatMap((name, at) => [at ? ", " : "", h("bdi", {}, named(name))]);

/** An ornament beside the name of a category: its shape and colour. */
export const glyph = (kind: number): HTMLElement => coloured(kind, `glyph k${kind}`);

/** An empty element in the colour of a category. */
export function coloured(kind: number, className: string): HTMLElement {
  const element = h("i", { class: className, "aria-hidden": "true" });
  element.style.setProperty("--kind", `var(--k${kind})`);
  return element;
}

export const number = (value: number): string => value.toLocaleString("en-US");

export const plural = (count: number, noun: string): string =>
  `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
