const SVG = "http://www.w3.org/2000/svg";

/** A histogram as one picture that stretches to its box. Ornament: the numbers are said elsewhere. */
export function bars(counts: number[]): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  const most = Math.max(1e-9, ...counts);
  svg.setAttribute("viewBox", `0 0 ${counts.length} 100`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute(
    "d",
    counts
      .map((count, at) => {
        const height = count ? Math.max(3, (count / most) * 100) : 0;
        return height ? `M${at + 0.08} 100V${(100 - height).toFixed(1)}h.84V100z` : "";
      })
      .join(""),
  );
  svg.append(path);
  return svg;
}
