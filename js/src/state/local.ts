import { computed, signal } from "@preact/signals-core";

/** How many units a notebook shows before anybody asks for more, where they are no higher than a strip; and how many more then. */
export const FIRST_UNITS = 8;
export const MORE_UNITS = 12;

/** An image of a unit: its place among the unit's strongest, or, where that is −1, its number in the data set. */
export interface Look {
  key: string;
  unit: number;
  rank: number;
  index?: number;
}

/** A step from one unit to another. */
export interface Step {
  from: string;
  to: string;
  /** Puts everything back as it was before. */
  restore(): void;
}

/** A unit that is shown though the filters hide it: as long as it is opened, and they stay as they are. */
export interface Guest {
  address: string;
  filters: string;
}

/** What belongs to this page alone: Python never hears of it. */
export class LocalState {
  /** Moves every unit's threshold: 0 = as scored, 1 = up to its maximum, −1 = down to its minimum. */
  readonly level = signal(0);
  readonly dark = signal(false);
  readonly printing = signal(false);
  /** Whether all units are printed that the filters leave: otherwise those that are listed, as the rest of a notebook. */
  readonly printsAll = signal(false);
  /** Scrolls back to where one was before. */
  scrollBack: () => void = () => {};
  /** What was just done, for a moment. */
  readonly said = signal({ text: "" });
  /** How many units the list begins with, how many more were asked for, and where it ends then. */
  readonly first = signal(FIRST_UNITS);
  readonly more = signal(0);
  readonly limit = computed(() => this.first.value + this.more.value);
  /** Whether the bar graph is unfolded. */
  readonly chart = signal(true);
  /** Whether the gallery is a page of its own: then it may scroll that page by itself. */
  ownPage = false;
  /** The image that is looked at alone. */
  readonly looked = signal<Look | null>(null);
  /** Where one came from, following units from image to image: the last is the way back. */
  readonly trail = signal<Step[]>([]);
  readonly guest = signal<Guest | null>(null);
  /** The unit that somebody followed a link to: opened, it comes into view. */
  followed = "";
}
