import { h, scrollerOf } from "./dom";

/** What Jupyter puts an output into: boxes that could scroll, though none does unless somebody asks for it. */
const BOXES = ".jp-OutputArea,.jp-OutputArea-child,.jp-OutputArea-output";

/**
 * Lets what is in an output stay in view while the notebook scrolls: it would within a box that could scroll. In
 * JupyterLab a cell whose outputs shall scroll bears a mark. In Notebook 7 the mark says little: any cell gets it that
 * is long when a cell is added anywhere.
 */
export function letPageScroll(host: HTMLElement): () => void {
  host.toggleAttribute("data-nbdissect", true);
  const cells = ".jp-Cell:not(.jp-mod-outputsScrolled),body[data-notebook] .jp-Cell";
  const stop = rule(
    `:is(${cells}) :is(${BOXES}):has([data-nbdissect]){overflow:visible!important;max-height:none!important}`,
  );
  const end = followShift(host);
  return () => {
    stop();
    end();
  };
}

/**
 * Tells the style sheet how far JupyterLab moves its cells, in its windowing mode `full`, in the place of those above
 * that it has taken away: what sticks to the top would be as far from it.
 */
function followShift(host: HTMLElement): () => void {
  let cells: Element | null = null;
  const tell = () => {
    const { transform } = getComputedStyle(cells as Element);
    host.style.setProperty("--shift", `${transform === "none" ? 0 : new DOMMatrix(transform).m42}px`);
  };
  const moves = new MutationObserver(tell);
  const end = whenShown(host, () => {
    cells = host.closest(".jp-WindowedPanel-viewport");
    if (!cells) return;
    moves.observe(cells, { attributeFilter: ["style"] });
    tell();
  });
  return () => {
    end();
    moves.disconnect();
  };
}

/** Does something once an element has a place in the page. */
function whenShown(element: Element, act: () => void): () => void {
  const sizes = new ResizeObserver(() => {
    if (!element.isConnected) return;
    sizes.disconnect();
    act();
  });
  sizes.observe(element);
  return () => sizes.disconnect();
}

/**
 * Scrolls by a little and back, then goes on: in its windowing mode `full` JupyterLab goes after a new cell that
 * something pushes down, until somebody scrolls.
 */
export function ceaseFollowing(host: HTMLElement, then: () => void): void {
  const scroller = host.closest(".jp-WindowedPanel-outer");
  if (!scroller) {
    then();
    return;
  }
  const top = scroller.scrollTop;
  scroller.scrollTop = top > LITTLE ? top - LITTLE : top + LITTLE;
  requestAnimationFrame(() =>
    // The notebook has heard of it by now.
    requestAnimationFrame(() => {
      scroller.scrollTop = top;
      then();
    }),
  );
}

/** Pixels that count as scrolling. */
const LITTLE = 2;

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
