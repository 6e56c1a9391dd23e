import type { Signal } from "@preact/signals-core";
import { listen } from "./dom";

/** Whether a resolved color, `rgb(…)`, is dark; null where it says nothing. */
export function isDarkColor(color: string): boolean | null {
  const parts = color.match(/[\d.]+/g)?.map(Number) ?? [];
  return parts.length < 3 ? null : 0.3 * parts[0] + 0.6 * parts[1] + 0.1 * parts[2] < 128;
}

const MARKS = ["data-theme", "data-bs-theme", "data-color-mode", "theme", "class"];

/** Whether the page around the gallery is dark: Jupyter's mark and colors, then the usual marks, then the reader's preference. */
export function isDark(box: Element, preferred: boolean): boolean {
  const jupyter = document.body.getAttribute("data-jp-theme-light");
  if (jupyter) return jupyter === "false";
  const style = getComputedStyle(box);
  if (style.getPropertyValue("--jp-layout-color1")) return isDarkColor(style.backgroundColor) ?? preferred;
  for (const element of [document.body, document.documentElement]) {
    const marks = MARKS.map((name) => element.getAttribute(name)).join(" ");
    // VS Code's light theme of high contrast bears the mark of the dark one, too.
    const mark = /\b(dark|light)\b/.exec(marks)?.[1] ?? /\bvscode-high-contrast\b/.exec(marks)?.[0];
    if (mark) return mark !== "light";
  }
  return preferred;
}

/** Keeps `dark` as the surroundings of the gallery are; returns what ends that. */
export function followTheme(box: Element, dark: Signal<boolean>): () => void {
  const preference = matchMedia("(prefers-color-scheme: dark)");
  const update = () => {
    dark.value = isDark(box, preference.matches);
  };
  const watcher = new MutationObserver(update);
  for (const element of [document.documentElement, document.body])
    watcher.observe(element, { attributes: true });
  // Jupyter replaces the style sheet of a theme some time after it changes the mark.
  watcher.observe(document.head, { childList: true });
  const stopListening = listen(preference, "change", update);
  update();
  return () => {
    watcher.disconnect();
    stopListening();
  };
}
