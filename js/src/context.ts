import type { ImageCache } from "./data/image-cache";
import type { Source } from "./data/source";
import type { State } from "./state/state";
import type { AllUnits } from "./view/all-units";

/** What every part of the page is given. */
export interface Context {
  state: State;
  cache: ImageCache;
  source: Source;
  /** All units that fire on an image, where a kernel can tell. */
  allUnits?: (context: Context) => AllUnits;
  /** Tells those who listen to the page something once, politely. */
  announce(text: string): void;
  /** The same, and shows it for a moment. */
  say(text: string): void;
}
