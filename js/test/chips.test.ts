import { afterEach, describe, expect, it, vi } from "vitest";
import { pageOfGallery } from "./page";

describe("the categories", () => {
  const page = pageOfGallery();
  /** A gallery whose row of categories is so wide; a chip takes 50 pixels, 40 without its number, 30 without its name. */
  const start = (width: number, values: Record<string, unknown> = {}) => {
    vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockImplementation(function (this: HTMLElement) {
      return this.className.includes("chip-row") ? width : 0;
    });
    vi.spyOn(HTMLElement.prototype, "offsetWidth", "get").mockImplementation(function (this: HTMLElement) {
      const short = this.closest(".short") && this.getAttribute("aria-pressed") === "false";
      const full = this.closest(".names") ? 40 : 50;
      return this.matches(".chip[data-category]") ? (short ? 30 : full) : 0;
    });
    page.start({ only: "all", ...values });
    const root = page.host.shadowRoot as ShadowRoot;
    const names = (selector: string) =>
      [...root.querySelectorAll<HTMLElement>(selector)].map((one) => one.dataset.category);
    return {
      root,
      inRow: () => names("[aria-label=Categories] > .chip"),
      behind: () => names(".chip-row .panel .chip"),
      more: root.querySelector<HTMLElement>(".chip-row > .popup") as HTMLElement,
      look: () => root.querySelector(".chip-row")?.className,
    };
  };
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("say what their numbers count", () => {
    const { root } = start(400);
    const chip = root.querySelector<HTMLElement>("[data-category=color]");
    expect(chip?.title).toBe("color: 2 units");
    expect(chip?.textContent).toBe("color 2");
  });

  it.each([
    ["all", 162, "chip-row "], // 3 of 50, gaps and padding
    ["the names without numbers", 161, "chip-row names"],
    ["the numbers without names", 131, "chip-row short"],
  ])("show %s where there is room for that", (_, width, className) => {
    const { inRow, more, look } = start(width);
    expect([inRow(), look(), more.hidden]).toEqual([["object", "part", "color"], className, true]);
  });

  it("keep room for the most that a filter may leave, so that nothing moves", () => {
    const { root } = start(400, { query: "nothing is called so" });
    const count = root.querySelector<HTMLElement>("[data-category=part] .count");
    expect([count?.textContent, count?.style.minWidth]).toEqual(["0", "1ch"]);
    page.end();
    const shown = start(400).root.querySelector<HTMLElement>("[data-category=part] .count");
    expect(shown?.style.minWidth).toBe("1ch");
  });

  it("go behind a button where there is too little, last those that are filtered by", () => {
    const { inRow, behind, more } = start(101);
    expect([inRow(), behind(), more.hidden]).toEqual([["object"], ["part", "color"], false]);
    expect(more.querySelector("button")?.textContent).toBe("+2");
    expect(more.querySelector("button")?.getAttribute("aria-label")).toBe("+2 more categories");
    page.end();
    const filtered = start(105, { category: ["color"] });
    expect([filtered.inRow(), filtered.behind()]).toEqual([["color"], ["object", "part"]]);
  });
});
