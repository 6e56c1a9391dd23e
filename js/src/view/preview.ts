import type { Context } from "../context";
import type { Table } from "../data/table";
import { h, listen } from "../dom";
import { paint } from "../draw/overlay";
import type { Scope } from "../scope";
import { captionOf } from "./caption";
import { density, sceneOf } from "./scene";

/** Side of the preview, in pixels of the page. */
const SIDE = 320;
/** Milliseconds on an image until it is shown larger. */
const PATIENCE = 250;
const GAP = 8;

interface Shown {
  table: Table;
  unit: number;
  rank: number;
}

const shownBy = new WeakMap<Element, Shown>();

/** Notes what a small image shows: it is previewed while the mouse rests on it. */
export const preview = (element: Element, table: Table, unit: number, rank: number): void => {
  shownBy.set(element, { table, unit, rank });
};

/** The image that the mouse rests on, larger and with its caption. Above all else, so that no box cuts it. */
export function previews(context: Context, box: HTMLElement, scope: Scope): HTMLElement {
  const canvas = h("canvas");
  const caption = h("p.hint");
  const popup = h("div.preview", { popover: "manual", "aria-hidden": "true" }, canvas, caption);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let at: Element | null = null;
  const hide = () => {
    clearTimeout(timer);
    at = null;
    if (popup.matches(":popover-open")) popup.hidePopover();
  };
  const show = (element: Element, shown: Shown) => {
    const scene = element.isConnected && sceneOf(context, shown.table, shown.unit, shown.rank);
    if (!scene) return;
    const dense = density();
    const scale = SIDE / Math.max(scene.image.width, scene.image.height);
    canvas.width = Math.round(scene.image.width * scale * dense);
    canvas.height = Math.round(scene.image.height * scale * dense);
    canvas.style.width = `${scene.image.width * scale}px`;
    paint(canvas, { ...scene, dense });
    caption.textContent = captionOf(context, shown.table, shown.unit, shown.rank);
    popup.showPopover?.();
    const { left, top } = placeBeside(element.getBoundingClientRect(), popup.getBoundingClientRect());
    popup.style.left = `${left}px`;
    popup.style.top = `${top}px`;
  };
  const follow = (event: Event) => {
    const element = (event.composedPath()[0] as Element) ?? null;
    if (element === at) return;
    hide();
    const shown = shownBy.get(element);
    if (!shown || (event as PointerEvent).pointerType !== "mouse") return;
    at = element;
    timer = setTimeout(() => show(element, shown), PATIENCE);
  };
  const endings = [
    listen(box, "pointermove", follow), // none where only what is below the mouse has moved
    ...["pointerleave", "pointerdown", "keydown", "wheel"].map((type) => listen(box, type, hide, true)),
    listen(window, "scroll", hide, true),
  ];
  scope.onCleanup(() => {
    clearTimeout(timer);
    for (const end of endings) end();
  });
  return popup;
}

/** Left and top of a box beside another one, where the window has room: right of it, left of it, above or below. */
export function placeBeside(
  of: { left: number; right: number; top: number; bottom: number },
  { width, height }: { width: number; height: number },
  window_ = { width: innerWidth, height: innerHeight },
): { left: number; top: number } {
  const within = (at: number, size: number, most: number) => Math.max(GAP, Math.min(at, most - size - GAP));
  const middle = within((of.left + of.right - width) / 2, width, window_.width);
  if (of.top - height >= 2 * GAP) return { left: middle, top: of.top - height - GAP };
  if (of.bottom + height + 2 * GAP <= window_.height) return { left: middle, top: of.bottom + GAP };
  const right = of.right + GAP;
  const left = right + width + GAP <= window_.width ? right : of.left - width - GAP;
  return { left: Math.max(GAP, left), top: within(of.top, height, window_.height) };
}
