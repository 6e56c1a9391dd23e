import { effect, signal, untracked } from "@preact/signals-core";
import type { Context } from "../context";
import { type Table, topImages } from "../data/table";
import { focused, focusOn, glyph, h, set } from "../dom";
import { kindOf } from "../draw/colors";
import { paint, type Scene } from "../draw/overlay";
import { guarded, type Scope } from "../scope";
import type { Look } from "../state/local";
import { addressOf, follow } from "../state/trail";
import type { AllUnits } from "./all-units";
import { captionOf, captionTitle } from "./caption";
import { conceptLabel } from "./concept";
import { unitsFiringHere } from "./firing";
import { density, sceneOf } from "./scene";

/** How much larger than it is an image is drawn at most: thumbnails of an archive stay sharp enough. */
const MOST_ENLARGED = 4;
/** Pixels on the longer side of a canvas, at most. */
const MOST_PIXELS = 2400;
/** Pixels above what was clicked, in a frame higher than the screen. */
const ABOVE = 200;

/** One image, as large as there is room for, with the units that fire on it; opens where an image is chosen. */
export function lightbox(context: Context, scope: Scope): HTMLElement {
  const { looked } = context.state.local;
  const box = new Lightbox(context);
  scope.effect(() => box.show(looked.value));
  scope.onCleanup(() => box.dispose());
  return box.element;
}

class Lightbox {
  readonly #canvas = h("canvas", { role: "img" });
  readonly #stage = h("div.stage", this.#canvas);
  readonly #caption = h("p.caption");
  readonly #title = h("h2");
  readonly #side = h("div.firing");
  readonly #plain = h("button.quiet", { title: "Without the mask, and with it (m)" }, "Plain image");
  readonly #back = h("button.quiet", { title: "Back to the unit before (Backspace)" });
  /** The units that were looked at before, while the dialog is open. */
  readonly #before = signal<Look[]>([]);
  readonly #isPlain = signal(false);
  readonly #size = signal([0, 0]);
  readonly #sizes = new ResizeObserver(([{ contentRect }]) => {
    this.#size.value = [contentRect.width, contentRect.height];
  });
  readonly element: HTMLDialogElement;
  readonly #all: AllUnits | undefined;
  /** The unit at which somebody asked for all units on its image: it has the image. */
  #asked = 0;
  #endDrawing: (() => void) | undefined;

  constructor(private readonly context: Context) {
    this.#all = context.allUnits?.(context);
    this.element = h(
      "dialog.lightbox",
      {
        "aria-label": "Image",
        tabindex: -1,
        onclose: () => {
          this.context.state.local.looked.value = null;
        },
        onclick: (event: MouseEvent) => event.target === this.element && this.element.close(),
        onkeydown: (event: KeyboardEvent) => this.#onKey(event),
      },
      h(
        "div.box",
        h("div.box-head", this.#title, h("span.space"), this.#back, this.#plain, ...this.#turns()),
        this.#stage,
        this.#caption,
        this.#side,
      ),
    );
    set(this.#plain, { onclick: () => (this.#isPlain.value = !this.#isPlain.value) });
    set(this.#back, { onclick: () => this.#goBack() });
    this.#sizes.observe(this.#stage);
  }

  /** Shows an image of a unit, or closes. */
  show(look: Look | null): void {
    const { element, context } = this;
    const table = look && context.state.tableNamed(look.key);
    this.#endDrawing?.();
    context.cache.setInView(this, []);
    if (!look || !table) {
      if (element.open) element.close();
      this.#before.value = [];
      return;
    }
    if (!element.open) {
      element.style.marginTop = topInTallFrame(focused(element));
      element.showModal();
    }
    untracked(() => {
      const units = look.rank < 0 ? [look.unit, this.#asked] : [look.unit];
      context.cache.setInView(
        this,
        units.map((unit) => ({ table, unit, all: true })),
      );
      this.#name(look, table);
      this.#endDrawing = effect(guarded(() => this.#draw(look, table)));
      // What had the focus may be gone; outside the dialog no key would reach it.
      if (!element.contains(focused(element))) focusOn(element);
    });
  }

  dispose(): void {
    this.#endDrawing?.();
    this.#sizes.disconnect();
    this.context.cache.setInView(this, []);
    this.element.remove();
  }

  #turns(): HTMLElement[] {
    const turn = (text: string, name: string, by: number) =>
      h("button.quiet", { "aria-label": name, title: name, onclick: () => this.#turn(by) }, text);
    return [
      turn("‹", "Previous image (←)", -1),
      turn("›", "Next image (→)", 1),
      h(
        "button.quiet",
        { "aria-label": "Close (Esc)", title: "Close (Esc)", onclick: () => this.element.close() },
        "×",
      ),
    ];
  }

  #onKey(event: KeyboardEvent): void {
    const actions: Record<string, () => void> = {
      ArrowLeft: () => this.#turn(-1),
      ArrowRight: () => this.#turn(1),
      Home: () => this.#turn(Number.NEGATIVE_INFINITY),
      End: () => this.#turn(Number.POSITIVE_INFINITY),
      Backspace: () => this.#goBack(),
      m: () => (this.#isPlain.value = !this.#isPlain.value),
    };
    const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  #turn(by: number): void {
    const { looked } = this.context.state.local;
    const look = looked.peek();
    const table = look && this.context.state.tableNamed(look.key);
    if (!table) return;
    const last = topImages(table, look.unit).filter((index) => index >= 0).length - 1;
    const rank = Math.max(0, Math.min(last, look.rank + by));
    if (rank !== look.rank) looked.value = { key: look.key, unit: look.unit, rank };
  }

  #goBack(): void {
    const look = this.#before.value.at(-1);
    if (!look) return;
    this.#before.value = this.#before.value.slice(0, -1);
    this.context.state.local.looked.value = look;
  }

  /** Texts and lists: all but the image. */
  #name(look: Look, table: Table): void {
    const { state } = this.context;
    const { unit } = look;
    const best = table.best[unit];
    const kind = best < 0 ? null : glyph(kindOf(table.categories[table.category_of[best]], table.categories));
    const open = () => follow(state, table, unit, this.#before.peek()[0] ?? look);
    this.#title.replaceChildren(
      ...[kind, best < 0 ? h("span.none", "no concept") : conceptLabel(table, best)].filter((one) => !!one),
      h("button.plain.address", { title: "Open this unit", onclick: open }, addressOf(look)),
    );
    const focus = this.#side.contains(focused(this.element));
    const index = indexOf(look, table);
    const to = (next: Look) => {
      if (next.key === look.key && next.unit === unit) return;
      this.#before.value = [...this.#before.peek(), look];
      state.local.looked.value = next;
    };
    const all = this.#all?.list(table, index, unit, (other) =>
      to({ key: table.key, unit: other, rank: topImages(table, other).indexOf(index), index }),
    );
    this.#side.replaceChildren(
      ...(all ?? [
        ...unitsFiringHere(state, table, index, unit, (firing) =>
          to({ key: firing.table.key, unit: firing.unit, rank: firing.rank }),
        ),
        ...(this.#all?.question(table, index, () => {
          this.#asked = unit;
          if (state.local.looked.peek() !== look) return;
          this.#name(look, table);
          focusOn(this.#side.querySelector<HTMLElement>("[aria-current]"));
        }) ?? []),
      ]),
    );
    if (focus) focusOn(this.#side.querySelector<HTMLElement>("[aria-current]"));
  }

  #draw(look: Look, table: Table): void {
    const { cache, state } = this.context;
    cache.arrivals.value;
    const { unit, rank } = look;
    const images = topImages(table, unit);
    const index = indexOf(look, table);
    set(this.#plain, { "aria-pressed": this.#isPlain.value });
    const before = this.#before.value.at(-1);
    this.#back.hidden = !before;
    this.#back.textContent = before ? `‹ Back to ${addressOf(before)}` : "";
    const place = rank < 0 ? "" : `${rank + 1} of ${images.filter((one) => one >= 0).length}`;
    const caption = place ? captionOf(this.context, table, unit, rank) : `#${index}`;
    this.#caption.textContent = `${caption} · ${place ? `image ${place}` : "not among its strongest"}`;
    this.#caption.title = place && captionTitle(this.context, table, unit, rank);
    set(this.#canvas, {
      "aria-label": `Image ${place || "not among the strongest"} of ${state.address(table, unit)}: ${caption}`,
    });
    const scene =
      rank < 0
        ? (this.#all?.scene(table, index, unit, this.#imageAlone(table, index)) ?? null)
        : (sceneOf(this.context, table, unit, rank) ?? this.#imageAlone(table, index));
    this.#canvas.dataset.state = scene ? "here" : cache.problemOf(table, unit, index) ? "missing" : "coming";
    if (!scene) return;
    const image = table.note ? scene.image : (cache.photograph(table, index) ?? scene.image);
    const overlay = this.#isPlain.value ? "none" : scene.overlay;
    paint(this.#canvas, { ...scene, image, overlay, dense: this.#fit(image) });
  }

  /** The image before its unit's maps have come. */
  #imageAlone(table: Table, index: number): Scene | null {
    const image = this.context.cache.image(table, index);
    return image && { image, field: null, overlay: "none", threshold: 0, low: 0, high: 0, dense: 1 };
  }

  /** Makes the canvas as large as there is room for; returns its pixels per pixel of the page. */
  #fit({ width, height }: { width: number; height: number }): number {
    const [most, high] = this.#size.value;
    const scale = Math.min(MOST_ENLARGED, most / width, high / height) || 1;
    const [wide, tall] = [width * scale, height * scale];
    const dense = Math.min(density(), MOST_PIXELS / Math.max(wide, tall));
    this.#canvas.width = Math.round(wide * dense);
    this.#canvas.height = Math.round(tall * dense);
    this.#canvas.style.width = `${wide}px`;
    this.#canvas.style.height = `${tall}px`;
    return dense;
  }
}

/** The number in the data set of what is looked at. */
const indexOf = ({ unit, rank, index }: Look, table: Table): number =>
  rank < 0 ? (index ?? -1) : topImages(table, unit)[rank];

/** A frame that is higher than the screen has its middle where nobody looks: there the dialog opens where one clicked. */
function topInTallFrame(clicked: HTMLElement | null): string {
  if (!clicked || innerHeight <= screen.availHeight) return "";
  return `${Math.max(0, clicked.getBoundingClientRect().top - ABOVE)}px`;
}
