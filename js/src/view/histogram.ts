import { h } from "../dom";

/** A histogram as one shape that stretches to its box. Ornament: the numbers are said elsewhere. */
export function histogramBars(counts: number[]): HTMLElement {
  const most = Math.max(1e-9, ...counts);
  const corners = counts.flatMap((count, at) => {
    const top = count ? 100 - Math.max(3, (count / most) * 100) : 100;
    const [left, right] = [at + 0.08, at + 0.92].map((x) => (x / counts.length) * 100);
    return [`${left}% 100%`, `${left}% ${top}%`, `${right}% ${top}%`, `${right}% 100%`];
  });
  const element = h("div.bars");
  element.style.clipPath = `polygon(${corners})`;
  return element;
}
