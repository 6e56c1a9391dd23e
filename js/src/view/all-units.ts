import type { Context } from "../context";
import type { Table } from "../data/table";
import { h, number, plural } from "../dom";
import type { Scene } from "../draw/overlay";
import { upsample } from "../draw/upsample";
import type { ExplainReply } from "../protocol";
import { unitButton } from "./firing";

/** What the kernel has found on an image. */
interface Found {
  table: Table;
  index: number;
  reply: ExplainReply;
  maps: DataView;
}

/**
 * All units that fire on an image, which only a kernel can tell, by running the network on it once more: a page
 * without one doesn't carry this module.
 */
export class AllUnits {
  #found: Found | undefined;

  constructor(private readonly context: Context) {}

  #on(table: Table, index: number): Found | undefined {
    return this.#found?.table === table && this.#found.index === index ? this.#found : undefined;
  }

  /** They as a list, once they were asked for; a click shows where one of them fires. */
  list(
    table: Table,
    index: number,
    current: number,
    choose: (unit: number) => void,
  ): HTMLElement[] | undefined {
    const found = this.#on(table, index)?.reply;
    if (!found) return;
    const { units, strengths, firing } = found;
    const rows = units.map((unit, place) => {
      const button = unitButton(table, unit, () => choose(unit), {
        name: `unit ${unit}`,
        note: strengths[place],
      });
      if (unit === current) button.setAttribute("aria-current", "true");
      return h("li", button);
    });
    const left = firing - units.length;
    return [
      h("h3", "All units on this image"),
      h(
        "p.hint",
        { role: "status" },
        `${number(firing)} of ${plural(table.units, "unit")} fire, strongest first: 0 is a unit’s threshold, 1 its highest activation in the data set.`,
      ),
      h("ul", ...rows),
      ...(left > 0 ? [h("p.hint", `and ${plural(left, "weaker unit")}`)] : []),
    ];
  }

  /** What asks for them, where the network lives; `show` is called when they are here. */
  question(table: Table, index: number, show: () => void): HTMLElement[] {
    if (!table.explains) return [];
    const button: HTMLButtonElement = h(
      "button.quiet",
      {
        title: "Runs the network on this image",
        onclick: async () => {
          if (button.ariaDisabled) return;
          button.ariaDisabled = "true";
          button.textContent = "Asking the kernel …";
          try {
            const asked = { kind: "explain", key: table.key, image: index } as const;
            const { reply, buffers } = await this.context.source.ask<"explain">(asked);
            this.#found = { table, index, reply, maps: buffers[0] };
            show();
          } catch (error) {
            const { message, hint } = error as { message: string; hint?: string };
            button.replaceWith(h("p.hint", { role: "alert" }, `${message} ${hint ?? ""}`));
          }
        },
      },
      "All units on this image",
    );
    return [button];
  }

  /** The image with the activation of a unit that it isn't among the strongest of. */
  scene(table: Table, index: number, unit: number, alone: Scene | null): Scene | null {
    const found = this.#on(table, index);
    const place = found?.reply.units.indexOf(unit) ?? -1;
    if (!alone || !found || place < 0) return alone;
    const [h, w] = found.reply.size;
    const [height, width] = found.reply.grid;
    const map = Float32Array.from({ length: h * w }, (_, i) =>
      found.maps.getFloat32(4 * (place * h * w + i), true),
    );
    const field = { values: upsample(map, h, w, height, width, table.field), height, width };
    const overlay = this.context.state.synced.overlay.value;
    return {
      ...alone,
      field,
      overlay,
      threshold: table.thresholds[unit],
      low: Math.min(...map),
      high: Math.max(...map),
    };
  }
}
