import { effect, signal } from "@preact/signals-core";

/** The first error in the page's own code; shown, with what to do. */
export const failure = signal<unknown>(null);

/** Runs what an event or a change set off; an error in it is shown and never leaves the widget dead. */
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

/** Effects and clean-ups that end together. */
export class Scope {
  readonly #cleanups: (() => void)[] = [];

  effect(action: () => void): void {
    this.#cleanups.push(effect(guarded(action)));
  }

  onCleanup(action: () => void): void {
    this.#cleanups.push(action);
  }

  dispose(): void {
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
  }
}
