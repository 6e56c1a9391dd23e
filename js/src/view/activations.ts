import type { Context } from "../context";
import { histogram } from "../data/counts";
import type { Table } from "../data/table";
import { h, type Scope } from "../dom";
import { bars } from "./bars";
import { levelFor, thresholdAt } from "./strip";

const BINS = 48;

/** An activation in three digits; imported results don't hold all of them. */
export const known = (value = Number.NaN): string =>
  Number.isNaN(value) ? "not known" : value.toPrecision(3).replace(/\.0+$/, "");

/** The unit's activations in its strongest images, with the threshold; the handle moves all masks. */
export function activations(context: Context, table: Table, unit: number, scope: Scope): HTMLElement {
  const { state, library } = context;
  const name = `Activation threshold of ${state.address(table, unit)}`;
  const slider = h("input", { type: "range", "aria-label": name, step: "any", disabled: true });
  const plot = h("div.plot");
  const mark = h("i.scored", { title: "The threshold that was scored" });
  const output = h("span.value");
  const caption = h("p.hint");
  const scale = h("i.scale");
  let drawn = false;

  scope.effect(() => {
    library.arrivals.value;
    const maps = library.maps(table, unit);
    if (!maps || !Number.isFinite(maps.low)) return;
    const threshold = thresholdAt(table, unit, maps, state.level.value);
    const scored = table.thresholds[unit];
    const place = (value: number) =>
      Math.max(0, Math.min(1, (value - maps.low) / (maps.high - maps.low || 1))) || 0;
    if (!drawn) {
      drawn = true;
      slider.disabled = mark.hidden = Number.isNaN(scored);
      slider.min = String(maps.low);
      slider.max = String(maps.high);
      const counts = histogram(
        maps.maps.flatMap((map) => [...map.values]),
        BINS,
        maps.low,
        maps.high,
      );
      plot.prepend(bars(counts.map((count) => Math.log1p(count))));
      mark.style.left = `${place(scored) * 100}%`;
    }
    const heat = state.overlay.value === "heat" || !!table.note;
    scale.hidden = !heat;
    slider.value = String(threshold);
    plot.style.setProperty("--at", `${place(threshold) * 100}%`);
    const moved = state.level.value !== 0;
    output.textContent = `${Number.isNaN(scored) ? "threshold" : ">"} ${known(threshold)}${moved ? ", moved" : ""}`;
    const share =
      table.quantile === null ? "" : `: the top ${+(table.quantile * 100).toPrecision(2)} % over all images`;
    caption.textContent = moved
      ? `Scored at ${known(scored)}. Only the masks move; the numbers stay as scored.`
      : `Activations in these images, log counts. Threshold ${known(scored)}${share}.`;
    if (heat) caption.append(` Heat: dark is ${known(maps.low)}, bright ${known(maps.high)}.`);
  });

  const move = () => {
    const maps = library.maps(table, unit);
    if (maps) state.level.value = levelFor(table, unit, maps, Number(slider.value));
  };
  slider.addEventListener("input", move);
  const scoredAgain = () => {
    slider.focus();
    state.level.value = 0;
  };
  const reset = h("button.quiet", { onclick: scoredAgain }, "As scored");
  scope.effect(() => {
    reset.hidden = state.level.value === 0;
  });
  plot.append(mark, scale, slider);
  return h(
    "div.activations",
    h("div.act-head", h("h4", "Activation"), output, h("span.space"), reset),
    plot,
    caption,
  );
}
