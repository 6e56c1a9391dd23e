import { h } from "../../dom";
import type { Scope } from "../../scope";
import { heightOf } from "./layout";
import type { GridElements, GridModel } from "./model";

/** Pixels of the list that are watched as one. */
const SLICE = 400;
/** What is drawn above and below what is in view, in slices. */
const BEYOND = 1;

/**
 * Follows what of the list is in view, whatever scrolls it: the page, a notebook's panel, or a page around the
 * frame that the gallery is in. The list is laid out with slices, and the browser tells which of them are seen.
 */
export function followView(model: GridModel, { list }: GridElements, scope: Scope): void {
  const layer = h("div.slices", { "aria-hidden": "true" });
  list.prepend(layer);
  const seen = new Set<Element>();
  const update = () => {
    if (!seen.size) return; // out of sight, or out of the page: it stays as it is
    const places = [...layer.children]
      .map((slice, at) => (seen.has(slice) ? at : -1))
      .filter((at) => at >= 0);
    const top = Math.max(0, places[0] - BEYOND) * SLICE;
    const bottom = ((places.at(-1) ?? 0) + 1 + BEYOND) * SLICE - 1;
    const [before, after] = model.inView.peek();
    if (top !== before || bottom !== after) model.inView.value = [top, bottom];
  };
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) seen.add(target);
      else seen.delete(target);
    }
    update();
  });
  scope.effect(() => {
    const count = Math.ceil(heightOf(model.extent.value) / SLICE);
    while (layer.children.length > count) {
      const last = layer.lastElementChild as Element;
      watcher.unobserve(last);
      seen.delete(last);
      last.remove();
    }
    while (layer.children.length < count) {
      const slice = h("i");
      layer.append(slice);
      watcher.observe(slice);
    }
  });
  scope.onCleanup(() => watcher.disconnect());
}
