import { describe, expect, it } from "vitest";
import { kindOf, viridis } from "../src/draw/colors";
import { contour } from "../src/draw/contour";
import { maskOf, upsample } from "../src/draw/upsample";
import { eroded, overlap, sharesOf } from "../src/draw/why";

describe("upsample", () => {
  it("uses half-pixel centers and clamps at the edges", () => {
    const wide = upsample(Float32Array.from([0, 1]), 1, 2, 1, 4);
    expect([...wide]).toEqual([0, 0.25, 0.75, 1]);
  });

  it("goes through the rows first, then the columns", () => {
    const field = upsample(Float32Array.from([0, 1, 2, 3]), 2, 2, 4, 4);
    expect([...field.slice(0, 4)]).toEqual([0, 0.25, 0.75, 1]);
    expect([...field.slice(4, 8)]).toEqual([0.5, 0.75, 1.25, 1.5]);
    expect([...field.slice(12)]).toEqual([2, 2.25, 2.75, 3]);
  });

  it("rounds to float32 after every operation", () => {
    const [a, b] = [Math.fround(0.1), Math.fround(16_777_217)];
    const [, value] = upsample(Float32Array.from([a, b]), 1, 2, 1, 3);
    expect(value).toBe(Math.fround(a + Math.fround(0.5 * Math.fround(b - a))));
  });

  it("stands at the centers of receptive fields, and clamps outside", () => {
    // Windows of 2 pixels every 4, of an image of 16: centers at 0.5, 4.5, …; the mask is half as large.
    const field = [0.5, 0.5, 4, 4, 16, 16];
    const rows = upsample(Float32Array.from([0, 1, 2, 3]), 4, 1, 8, 1, field);
    expect([...rows]).toEqual([0, 0.5, 1, 1.5, 2, 2.5, 3, 3]);
  });

  it("keeps centers where they are on a mask that is no whole part of the image", () => {
    const wide = upsample(Float32Array.from([0, 2]), 1, 2, 1, 10, [0, 0.5, 1, 4, 1, 8]);
    // (0.5 + 0.5) · 10 / 8 − 0.5 = 0.75, and 5 pixels on.
    expect(wide[3]).toBeCloseTo((2 * (3 - 0.75)) / 5, 6);
    expect([wide[0], wide[9]]).toEqual([0, 2]);
  });

  it("leaves a map alone that has the size already", () => {
    const map = new Float32Array(6);
    expect(upsample(map, 2, 3, 2, 3)).toBe(map);
  });

  it("keeps a plateau a plateau", () => {
    const field = upsample(new Float32Array(9).fill(Math.fround(0.3)), 3, 3, 17, 23);
    expect(new Set(field)).toEqual(new Set([Math.fround(0.3)]));
  });
});

describe("mask", () => {
  it("is strictly above the threshold: a dead unit has none", () => {
    expect([...maskOf(Float32Array.from([0, 0.5, 1]), 0.5)]).toEqual([0, 0, 1]);
    expect([...maskOf(new Float32Array(3), 0)]).toEqual([0, 0, 0]);
  });
});

describe("contour", () => {
  it("runs where the field crosses the level", () => {
    const lines = [...contour(Float32Array.from([0, 4, 0, 4]), 2, 2, 1)].join();
    expect(lines).toContain("0.75,0.5,0.75,1.5");
  });

  it("is empty where nothing is above, and runs along the border where everything is", () => {
    expect(contour(new Float32Array(9), 3, 3, 1)).toHaveLength(0);
    expect(contour(new Float32Array(9).fill(2), 3, 3, 1)).toHaveLength(4 * 12);
    expect(contour(new Float32Array(1).fill(2), 1, 1, 1)).toHaveLength(4 * 4);
  });

  it("draws two lines through a saddle", () => {
    const inner = [...contour(Float32Array.from([2, 0, 0, 2]), 2, 2, 1)].join();
    expect(inner).toContain("0.5,1,1,0.5");
    expect(inner).toContain("1.5,1,1,1.5");
  });

  it("goes around one pixel", () => {
    const field = new Float32Array(9);
    field[4] = 1;
    expect(contour(field, 3, 3, 0.5)).toHaveLength(16);
  });
});

describe("why", () => {
  it("counts the pixels of the unit only, the concept only, and both", () => {
    const field = { values: Float32Array.from([0, 2, 2, 0]), height: 2, width: 2 };
    const parts = overlap(field, 1, Uint8Array.from([0, 0, 1, 1]));
    expect([...parts]).toEqual([0, 1, 3, 2]);
    expect(sharesOf(parts)).toEqual({ unit: 1, concept: 1, both: 1 });
  });
});

describe("edges", () => {
  const grid = { height: 5, width: 5 };

  it("are as wide as asked for, inside a part, and none along the image's border", () => {
    const parts = new Uint8Array(25).fill(1);
    parts[0] = 3;
    expect([...eroded(parts, 1, grid, 1)].filter((one) => !one)).toHaveLength(3);
    expect([...eroded(parts, 1, grid, 2)].filter((one) => !one)).toHaveLength(6);
    expect([...eroded(parts, 3, grid, 1)].every((one) => !one)).toBe(true);
  });

  it("stay on their side where a row ends", () => {
    const parts = Uint8Array.from({ length: 25 }, (_, at) => (at % 5 === 4 ? 1 : 0));
    expect([...eroded(parts, 1, grid, 1)].some((one) => one)).toBe(false);
    expect([...eroded(parts, 0, grid, 1)].filter((one) => one)).toHaveLength(15);
  });
});

describe("colors", () => {
  it("gives the paper's categories their own, others one by position", () => {
    expect(kindOf("part", ["color", "part"])).toBe(1);
    expect(kindOf("tissue", ["cell", "tissue"])).toBe(1);
  });

  it("gives unknown categories the kinds that are left", () => {
    const categories = ["object", "cell", "part", "tissue", "scene", "vessel", "color"];
    expect(categories.map((category) => kindOf(category, categories))).toEqual([0, 2, 1, 3, 4, 6, 5]);
    expect(new Set(categories.map((category) => kindOf(category, categories))).size).toBe(7);
  });

  it("knows viridis, dark to bright", () => {
    expect([...viridis.slice(0, 3)]).toEqual([68, 1, 84]);
    expect([...viridis.slice(-3)]).toEqual([253, 231, 37]);
  });
});
