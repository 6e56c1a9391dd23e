import type { Library } from "./data/library";
import type { Source } from "./data/source";
import type { State } from "./state";

/** What every part of the page is given. */
export interface Context {
  state: State;
  library: Library;
  source: Source;
  /** Says something once, politely, to those who listen to the page. */
  say(text: string): void;
}
