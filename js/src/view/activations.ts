import type { Context } from "../context";
import { histogram } from "../data/counts";
import type { Table } from "../data/table";
import type { UnitMaps } from "../data/unit-maps";
import { h, set } from "../dom";
import type { Scope } from "../scope";
import { histogramBars } from "./histogram";
import { levelFor, thresholdAt } from "./threshold";

const BINS = 48;

/** An activation in three digits; imported results don't hold all of them. */
export const known = (value = Number.NaN): string =>
  Number.isNaN(value) ? "not known" : value.toPrecision(3).replace(/^0.00$/, "0");

/** The unit's activations in its strongest images, with the threshold; the handle moves all masks. */
export function activations(context: Context, table: Table, unit: number, scope: Scope): HTMLElement {
  const output = h("span.value");
  const caption = h("p.hint");
  const { plot, slider } = thresholdPlot(context, table, unit, scope);
  const { state, cache } = context;
  const { level } = state.local;
  scope.effect(() => {
    cache.arrivals.value;
    const maps = mapsWithValues(context, table, unit);
    if (!maps) return;
    const threshold = thresholdAt(table, unit, maps, level.value);
    const name = Number.isNaN(table.thresholds[unit]) ? "threshold" : ">";
    output.textContent = `${name} ${known(threshold)}${level.value ? ", moved" : ""}`;
    caption.textContent = captionOf(table, unit, level.value !== 0);
    if (showsHeat(context, table))
      caption.append(` Heat: clear is ${known(maps.low)}, bright ${known(maps.high)}.`);
  });
  const reset = h(
    "button.quiet",
    {
      onclick: () => {
        slider.focus();
        level.value = 0;
      },
    },
    "As scored",
  );
  scope.effect(() => {
    reset.hidden = level.value === 0;
  });
  return h(
    "div.activations",
    h("div.act-head", h("h4", "Activation"), output, h("span.space"), reset),
    plot,
    caption,
  );
}

/** The maps of a unit, once they are here, and if they hold any value. */
function mapsWithValues({ cache }: Context, table: Table, unit: number): UnitMaps | undefined {
  const maps = cache.maps(table, unit);
  return maps && Number.isFinite(maps.low) ? maps : undefined;
}

const showsHeat = ({ state }: Context, table: Table): boolean =>
  state.synced.overlay.value === "heat" || !!table.note;

function captionOf(table: Table, unit: number, moved: boolean): string {
  const scored = known(table.thresholds[unit]);
  if (moved) return `Scored at ${scored}. Only the masks move; the numbers stay as scored.`;
  const share =
    table.quantile === null ? "" : `: the top ${+(table.quantile * 100).toPrecision(2)} % over all images`;
  return `Activations in these images, log counts. Threshold ${scored}${share}.`;
}

/** The histogram of the activations, with a slider that moves the threshold on it. */
function thresholdPlot(context: Context, table: Table, unit: number, scope: Scope) {
  const { state, cache } = context;
  const name = `Activation threshold of ${state.address(table, unit)}`;
  const slider = h("input", {
    type: "range",
    "aria-label": name,
    step: "any",
    disabled: true,
    title: "Double-click: as scored",
    ondblclick: () => (state.local.level.value = 0),
    oninput: () => {
      const maps = cache.maps(table, unit);
      if (maps) state.local.level.value = levelFor(table, unit, maps, Number(slider.value));
    },
  });
  const scored = h("i.scored", { title: "The threshold that was scored" });
  const scale = h("i.scale");
  const plot = h("div.plot", scored, scale, slider);
  let drawn = false;
  scope.effect(() => {
    cache.arrivals.value;
    const maps = mapsWithValues(context, table, unit);
    if (!maps) return;
    const { low, high } = maps;
    const place = (value: number) =>
      `${(Math.max(0, Math.min(1, (value - low) / (high - low || 1))) || 0) * 100}%`;
    if (!drawn) {
      drawn = true;
      slider.disabled = scored.hidden = Number.isNaN(table.thresholds[unit]);
      set(slider, { min: low, max: high });
      plot.prepend(distribution(maps));
      scored.style.left = place(table.thresholds[unit]);
    }
    const threshold = thresholdAt(table, unit, maps, state.local.level.value);
    slider.value = String(threshold);
    plot.style.setProperty("--at", place(threshold));
    scale.hidden = !showsHeat(context, table);
  });
  return { plot, slider };
}

function distribution({ maps, low, high }: UnitMaps): HTMLElement {
  const values = maps.flatMap((map) => [...map.values]);
  return histogramBars(histogram(values, BINS, low, high).map((count) => Math.log1p(count)));
}
