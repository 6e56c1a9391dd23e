import { describe, expect, it } from "vitest";
import { countAt, histogram, outOfReach } from "../src/data/counts";
import { type Filter, shownUnits } from "../src/data/filter";
import { Lru } from "../src/data/lru";
import { shortName } from "../src/data/names";
import { findsConcept, findsUnit, searchOf } from "../src/data/search";
import { cutText, isDetector, topImages } from "../src/data/table";
import { cases, table } from "./parts";

describe("filter", () => {
  for (const { filter, shown } of cases.cases as { filter: Filter; shown: number[] }[]) {
    const wanted = Object.entries(filter)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join(" ");
    it(`agrees with Python: ${wanted}`, () => expect(shownUnits(table(), filter)).toEqual(shown));
  }

  it("finds an address whose name has spaces", () => {
    const filter = {
      min_iou: 0,
      only: "all",
      category: [],
      concept: null,
      chosen: null,
      sort: "unit",
    } as const;
    const spaced = table({ key: "My layer" });
    expect(shownUnits(spaced, { ...filter, category: [], query: " my layer:3 " })).toEqual([3]);
  });

  for (const [query, name, category, found] of cases.searches as [string, string, string, boolean][])
    it(`agrees with Python on ${JSON.stringify(query)} in ${JSON.stringify(name)}`, () => {
      expect(findsConcept(searchOf(query), name, category)).toBe(found);
      expect(findsUnit(searchOf(query), 7, "l:7", `${name} ${category}`)).toBe(found);
    });

  it("finds an address with commas in its layer's name, alone or among others", () => {
    expect(findsUnit(searchOf('A, "b":3'), 3, 'a, "B":3', "")).toBe(true);
    expect(findsUnit(searchOf('x, "my, layer:3"'), 3, "My, layer:3", "")).toBe(true);
    expect(findsUnit(searchOf("x, my layer:3"), 3, "My layer:3", "")).toBe(true);
  });

  for (const [name, category, short] of cases.short_names)
    it(`shows ${name} of ${category} as ${short}`, () => expect(shortName(name, category)).toBe(short));

  it("counts a value on the cut only for NetDissect-Lite", () => {
    expect(isDetector(table(), 3, 0.04)).toBe(false);
    expect(isDetector(table({ semantics: "netdissect-lite" }), 3, 0.04)).toBe(true);
  });
});

describe("counts", () => {
  it("counts each unit once, by concept and category, most first", () => {
    const counts = countAt(table(), 0.04);
    expect([counts.detectors, counts.unique, counts.largest]).toEqual([6, 4, 2]);
    expect(counts.groups.map(({ category, units }) => [category, units])).toEqual([
      ["object", 3],
      ["part", 3],
      ["color", 0],
    ]);
    expect(counts.groups[1].bars.map(({ name, units }) => [name, units])).toEqual([
      ["car wheel", 2],
      ["车轮", 1],
    ]);
  });

  it("counts by the paper's rule too: in every category in which a unit passes", () => {
    expect(countAt(table(), 0.04).paper).toEqual({ detectors: 6, unique: 5 });
  });

  it("follows the cut", () => {
    expect(countAt(table(), 0.25).detectors).toBe(3);
    expect(countAt(table(), 1).detectors).toBe(0);
  });

  it("tells what was out of reach, and why", () => {
    expect(outOfReach(table(), 0.04)).toEqual([
      { concept: 2, name: "red", category: "color", ceiling: 0.03, reason: "covers 30 % of the pixels" },
    ]);
    expect(outOfReach(table(), 0.02)).toEqual([]);
  });

  it("fills a histogram, the end included", () => {
    expect(histogram([0, 0.1, 0.5, 1, Number.NaN], 2, 0, 1)).toEqual([2, 2]);
    expect(histogram([2, 2], 3, 2, 2)).toEqual([2, 0, 0]);
  });
});

describe("table", () => {
  it("says the cut as it compares, without the noise of floats", () => {
    expect(cutText(table(), 0.1 + 0.2)).toBe("> 0.3");
    expect(cutText(table({ semantics: "netdissect-lite" }), 0.0425)).toBe("≥ 0.0425");
  });

  it("finds the images of a unit", () => expect([...topImages(table(), 3)]).toEqual([6, 0]));
});

describe("lru", () => {
  it("forgets what was not used for longest, and says so", () => {
    const forgotten: string[] = [];
    const held = new Lru<string, string>(2, (value) => forgotten.push(value));
    held.set("a", "A");
    held.set("b", "B");
    held.get("a");
    held.set("c", "C");
    expect(forgotten).toEqual(["B"]);
    expect([held.has("a"), held.has("b")]).toEqual([true, false]);
    held.clear();
    expect(forgotten).toEqual(["B", "A", "C"]);
  });
});
