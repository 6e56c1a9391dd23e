import type { Pair } from "../../data/comparison";
import { glyph, h, label } from "../../dom";
import { CHANGES } from "../changes";

/** What a row of a comparison is about. */
export interface Topic extends Pick<Pair, "name" | "category" | "change" | "detectors"> {
  kind: number;
}

/** The concept that both cards of a row are about, what became of it, and how many units detect it. */
export function topic({ name, category, kind, change, detectors }: Topic): HTMLElement {
  const [sign, meaning] = CHANGES[change];
  return h(
    "div.topic",
    { role: "rowheader" },
    glyph(kind),
    label(name, "concept"),
    h("span.kind", category),
    h("span.change", { title: meaning }, h("i.sign", { "aria-hidden": "true" }, sign), change),
    h("span.hint", `${detectors[0]} → ${detectors[1]} ${detectors[1] === 1 ? "unit" : "units"}`),
  );
}
