import { describe, expect, it } from "vitest";
import { pageOfGallery } from "./page";
import { cases, raw } from "./parts";

describe("a comparison in the gallery", () => {
  const page = pageOfGallery();
  const { within, all } = page;
  const button = (text: string) => all("button").find((one) => one.textContent?.trim().startsWith(text));

  /** The same result under some names, its concepts numbered otherwise in each. */
  const start = (keys: string[], values: Record<string, unknown> = {}) => {
    const tables = keys.map((key, at) => {
      const concepts = cases.table.concepts.map(([number, ...rest]) => [
        (number as number) + 100 * at,
        ...rest,
      ]);
      // Of the last one the unit for 车轮 is gone.
      const best_iou = cases.table.best_iou.map((iou, unit) =>
        unit === 7 && at === keys.length - 1 ? 0 : iou,
      );
      return raw({ key, concepts, best_iou, data_set: "one" });
    });
    return page.start({ _tables: tables, _several: true, current: keys[0], ...values });
  };
  const pair = (values: Record<string, unknown> = {}) =>
    start(["a", "b"], { compare: ["a", "b"], ...values });

  it("has one axis, whose bars are said for both sides and filter both", () => {
    const model = pair();
    const options = all("[role=option]");
    expect(options.map((one) => one.title)).toContain("car wheel: 2 in a, 2 in b");
    const wheel = options.find((one) => one.dataset.key === "part|车轮");
    expect([wheel?.title, wheel?.dataset.change]).toEqual(["车轮: 1 in a, 0 in b", "lost"]);
    wheel?.click();
    expect(model.get("concept")).toBe(20);
    expect(within("[role=status]").textContent).toContain("1 concept");
    expect(all("[role=option][aria-selected=true]")).toHaveLength(1);
  });

  it("filters by what became of a concept", () => {
    const model = pair();
    const chips = all("[data-change].chip");
    expect(chips.map((one) => one.textContent)).toEqual(["+gained 0", "−lost 1", "=kept 3"]);
    chips[1].click();
    expect([model.get("change"), chips[1].getAttribute("aria-pressed")]).toEqual([["lost"], "true"]);
    expect(within("[role=status]").textContent).toContain("1 concept");
    expect(all("[role=option]:not(.faded)").map((one) => one.dataset.key)).toEqual(["part|车轮"]);
    button("Clear filters")?.click();
    expect(model.get("change")).toEqual([]);
  });

  it("shows one alone at a click, and compares again", () => {
    const model = pair();
    within(".tab[data-key=b]").click();
    expect([model.get("compare"), model.get("current")]).toEqual([[], "b"]);
    expect(within(".changes").hidden).toBe(true);
    button("Compare")?.click();
    expect(model.get("compare")).toEqual(["a", "b"]);
    button("⇄")?.click();
    expect(model.get("compare")).toEqual(["b", "a"]);
    within(".g-sides button").click();
    expect([model.get("compare"), model.get("current")]).toEqual([[], "b"]);
  });

  it("never stands a result beside itself: the sides change places", () => {
    const model = start(["a", "b", "c"], { compare: ["a", "b"] });
    const left = within<HTMLSelectElement>("select[aria-label^=Left]");
    left.value = "b";
    left.dispatchEvent(new Event("change"));
    expect(model.get("compare")).toEqual(["b", "a"]);
  });

  it("puts more than two on one axis; a click on a bar shows that result's units", () => {
    const model = start(["a", "b", "c"]);
    button("Compare all")?.click();
    expect(model.get("compare")).toEqual(["a", "b", "c"]);
    const wheel = all("[role=option]").find((one) => one.dataset.key === "part|car wheel");
    expect(wheel?.title).toBe("car wheel: 2 in a, 2 in b, 2 in c");
    wheel?.querySelector<HTMLElement>("[data-at='1']")?.click();
    expect([model.get("current"), model.get("concept")]).toEqual(["b", 107]);
    wheel?.querySelector<HTMLElement>("[data-at='2']")?.click();
    expect([model.get("current"), model.get("concept")]).toEqual(["c", 207]);
    expect(all(".g-sides [aria-current=true]").map((one) => one.textContent)).toEqual(["c5 · 3"]);
    expect(within("[role=status]").textContent).toBe("2 of 10 units");
    all(".g-sides button")[0].click();
    expect([model.get("compare"), model.get("current")]).toEqual([[], "a"]);
  });

  it("says why two can't be compared, and in what those that are compared differ", () => {
    const strange = raw({
      key: "b",
      concepts: cases.table.concepts.map(([number]) => [number, `x${number}`, "object"]),
    });
    const model = start([], { _tables: [raw({ key: "a" }), strange], current: "a" });
    button("Compare")?.click();
    expect(model.get("compare")).toEqual([]);
    expect(within(".tabs [role=note]").textContent).toContain("a and b can’t be compared");
    page.end();
    start([], {
      _tables: [raw({ key: "a", data_set: "a" }), raw({ key: "b", data_set: "b" })],
      compare: ["a", "b"],
    });
    expect(within(".tabs [role=note]").textContent).toContain("different images");
  });
});
