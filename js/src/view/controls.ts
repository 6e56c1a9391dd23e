import type { Context } from "../context";
import { h } from "../dom";
import type { Scope } from "../scope";
import { chips } from "./chips";
import { cutSlider } from "./cut-slider";
import { search } from "./search";

/** What is looked for: words, categories, the cut. */
export function controls(context: Context, scope: Scope): HTMLElement {
  return h("div.controls", search(context, scope), chips(context, scope), cutSlider(context, scope));
}
