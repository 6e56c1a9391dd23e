import { signal } from "@preact/signals-core";

/** An image of a unit: its place among the unit's strongest. */
export interface Look {
  key: string;
  unit: number;
  rank: number;
}

/** A step from one unit to another. */
export interface Step {
  from: string;
  to: string;
  /** Puts everything back as it was before. */
  restore(): void;
}

/** What belongs to this page alone: Python never hears of it. */
export class LocalState {
  /** Moves every unit's threshold: 0 = as scored, 1 = up to its maximum, −1 = down to its minimum. */
  readonly level = signal(0);
  readonly dark = signal(false);
  readonly printing = signal(false);
  /** The image that is looked at alone. */
  readonly looked = signal<Look | null>(null);
  /** Where one came from, following units from image to image: the last is the way back. */
  readonly trail = signal<Step[]>([]);
}
