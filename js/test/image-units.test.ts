import { describe, expect, it } from "vitest";
import { sameLabel, sharedImages, unitsFiringOn } from "../src/data/image-units";
import { isSilent, type Table, tableOf } from "../src/data/table";
import { raw } from "./parts";

/** Top images of the first units, two each; the others have none. */
function made(images: number[], silent: number[] = [], key = "layer4"): Table {
  const { units } = raw();
  const all = [...images, ...new Array(2 * units).fill(-1)].slice(0, 2 * units);
  const quiet = [...silent, ...new Array(units).fill(0)].slice(0, units);
  return { ...tableOf(raw({ key, top_images: all, silent: quiet })), photographs: "album" };
}

const named = (firing: { table: Table; unit: number; rank: number }[]) =>
  firing.map(({ table, unit, rank }) => `${table.key}:${unit} ${rank}`);

describe("units and images", () => {
  it("counts the last of a unit's images as silent, never places without an image", () => {
    const table = made([1, 2, 3, -1], [1, 1]);
    expect([0, 1].map((rank) => isSilent(table, 0, rank))).toEqual([false, true]);
    expect([0, 1].map((rank) => isSilent(table, 1, rank))).toEqual([true, false]);
  });

  it("finds the units that fire on an image, highest place first, and none that is silent there", () => {
    const table = made([4, 7, 7, 5, 5, 7], [0, 0, 1]);
    expect(named(unitsFiringOn([table], table, 7))).toEqual(["layer4:1 0", "layer4:0 1"]);
    expect(unitsFiringOn([table], table, 99)).toEqual([]);
  });

  it("looks in all results over the same images, and in no other", () => {
    const [one, two] = [made([7, 1]), made([2, 7], [], "layer3")];
    const other = { ...made([7, 1], [], "other"), photographs: "another" };
    expect(named(unitsFiringOn([one, two, other], one, 7))).toEqual(["layer4:0 0", "layer3:0 1"]);
  });

  it("orders units with the same label by IoU", () => {
    const table = { ...made([]), best: Int32Array.of(1, 1, 0, 1, -1, -1) };
    table.best_iou = Float64Array.of(0.1, 0.2, 0.9, 0.3, 0, 0);
    expect(sameLabel(table, 0)).toEqual([3, 1]);
    expect(sameLabel(table, 4)).toEqual([]);
  });

  it("orders units by the images they share", () => {
    const table = made([1, 2, 2, 9, 2, 1, 8, 9], [0, 0, 0, 0]);
    expect(sharedImages(table, 0)).toEqual([
      { unit: 2, shared: 2 },
      { unit: 1, shared: 1 },
    ]);
    expect(sharedImages(made([1, 2, 1, 2], [0, 2]), 0)).toEqual([]);
  });
});
