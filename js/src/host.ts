import { h, scrollerOf } from "./dom";

/** What Jupyter puts an output into: boxes that could scroll, though none does unless somebody asks for it. */
const BOXES = ".jp-OutputArea,.jp-OutputArea-child,.jp-OutputArea-output";

/**
 * Lets what is in an output stay in view while the notebook scrolls: it would within a box that could scroll. A
 * cell whose outputs shall scroll bears a mark.
 */
export function letPageScroll(host: HTMLElement): () => void {
  host.toggleAttribute("data-nbdissect", true);
  return rule(
    `.jp-Cell:not(.jp-mod-outputsScrolled) :is(${BOXES}):has([data-nbdissect]){overflow:visible!important}`,
  );
}

/** Milliseconds in which an output grows after it was made, or after its run has ended. */
const GROWING = 3000;

/**
 * Keeps the cell that runs where it is while its output grows. The cell below has the focus by then, and browsers
 * rather keep in place what has that: all before it would move up, out of sight. Returns what ends it, soon.
 */
export function holdStill(host: HTMLElement): { end(): void; stop(): void } {
  host.toggleAttribute("data-nbdissect-grows", true);
  const stop = rule(".jp-WindowedPanel-outer:has([data-nbdissect-grows]){overflow-anchor:none}");
  const release = () => {
    // Chromium would go back to where that cell was before: any scrolling makes it forget that.
    const scroller = scrollerOf(host);
    const top = scroller.scrollTop;
    scroller.scrollTop = top ? top - 1 : 1;
    scroller.scrollTop = top;
    host.toggleAttribute("data-nbdissect-grows", false);
  };
  return {
    end: () => setTimeout(release, GROWING),
    stop,
  };
}

/** Milliseconds that a kernel has to answer before what stands in for the gallery takes room beside it. */
const PATIENCE = 6000;

/**
 * Gives no room to what stands in for a gallery while the kernel may still answer: Notebook 7 looks at the height
 * of both when it comes, and would put them into a box that scrolls.
 */
export function collapseStandIn(id: string): () => void {
  const stop = rule(`[id="${CSS.escape(id)}"]{height:0;overflow:hidden}`);
  const timer = setTimeout(stop, PATIENCE);
  return () => {
    clearTimeout(timer);
    stop();
  };
}

function rule(text: string): () => void {
  const style = h("style", text);
  document.head.append(style);
  return () => style.remove();
}
