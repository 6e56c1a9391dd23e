import { signal } from "@preact/signals-core";

/** What belongs to this page alone: Python never hears of it. */
export class LocalState {
  /** Moves every unit's threshold: 0 = as scored, 1 = up to its maximum, −1 = down to its minimum. */
  readonly level = signal(0);
  readonly dark = signal(false);
  readonly printing = signal(false);
  /** What was just done, for a moment. */
  readonly said = signal({ text: "" });
}
