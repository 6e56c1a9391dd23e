import type { ImageCache } from "./data/image-cache";
import type { Source } from "./data/source";
import type { State } from "./state/state";

/** What every part of the page is given. */
export interface Context {
  state: State;
  cache: ImageCache;
  source: Source;
  /** Tells those who listen to the page something once, politely. */
  announce(text: string): void;
  /** The same, and shows it for a moment. */
  say(text: string): void;
}
