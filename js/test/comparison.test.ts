import { describe, expect, it } from "vitest";
import { changesOf, haveConceptsInCommon, pairsOf, sharedAxis, unlike } from "../src/data/comparison";
import { countAt } from "../src/data/counts";
import { State } from "../src/state/state";
import { cases, FakeModel, raw, table } from "./parts";

const CONCEPTS = [
  [3, "car", "object"],
  [7, "wheel", "part"],
  [9, "red", "color"],
];

/** A result from the IoUs of its units with car, wheel and red. */
function resultOf(key: string, iou: number[][], more: Record<string, unknown> = {}) {
  const tops = iou.map((row) => Math.max(...row));
  return {
    key,
    iou,
    concepts: CONCEPTS,
    categories: ["object", "part", "color"],
    best: iou.map((row, unit) => (tops[unit] > 0 ? row.indexOf(tops[unit]) : -1)),
    best_iou: tops,
    strongest: tops,
    ...more,
  };
}

const before = resultOf("before", [
  [0.1, 0.02, 0],
  [0.3, 0, 0],
  [0, 0.06, 0],
]);
// Unit 1 has more of the wheel than it had, and is one of the car's detectors.
const after = resultOf("after", [
  [0.2, 0, 0],
  [0.5, 0.2, 0],
  [0, 0, 0.07],
]);
const [left, right] = [table(before), table(after)];

describe("a comparison", () => {
  it("says what was gained, lost and kept: each unit counts once, for its best concept", () => {
    const pairs = pairsOf(left, right, 0.04);
    expect(pairs.map(({ name, change, detectors }) => [name, change, ...detectors])).toEqual([
      ["car", "kept", 2, 2],
      ["red", "gained", 0, 1],
      ["wheel", "lost", 1, 0],
    ]);
    expect(changesOf(pairs)).toEqual({ gained: 1, lost: 1, kept: 1 });
    const unique = [left, right].map((side) => countAt(side, 0.04).unique);
    expect(unique).toEqual([2, 2]); // kept and lost, kept and gained
  });

  it("shows the best detector of either side, or else the unit that comes nearest", () => {
    const of = (name: string) => pairsOf(left, right, 0.04).find((pair) => pair.name === name);
    expect(of("car")).toMatchObject({ units: [1, 1], iou: [0.3, 0.5] });
    expect(of("wheel")).toMatchObject({ units: [2, 1], iou: [0.06, 0.2] });
    expect(of("red")).toMatchObject({ units: [null, 2], iou: [0, 0.07] });
  });

  it("counts nothing below the cut", () => {
    expect(pairsOf(left, right, 0.25).map(({ name, change }) => [name, change])).toEqual([["car", "kept"]]);
    expect(pairsOf(left, right, 0.9)).toEqual([]);
  });

  it("finds a concept whatever its number, and one that the other data set doesn't have", () => {
    const other = table({
      ...before,
      concepts: [[70, "wheel", "part"], ...CONCEPTS.slice(1).map(() => [71, "x", "part"])],
    });
    expect(haveConceptsInCommon(left, other)).toBe(true);
    expect(pairsOf(left, other, 0.04).find(({ name }) => name === "wheel")?.change).toBe("kept");
    const none = table({
      ...before,
      concepts: CONCEPTS.map(([number, name, category]) => [number, `${name}s`, category]),
    });
    expect(haveConceptsInCommon(left, none)).toBe(false);
  });

  it("puts all concepts on one axis, by category, most units first", () => {
    const counts = [
      left,
      right,
      table(
        resultOf("later", [
          [0, 0.3, 0],
          [0, 0.3, 0],
          [0, 0.4, 0],
        ]),
      ),
    ].map((one) => countAt(one, 0.04));
    expect(sharedAxis(counts)).toEqual([
      {
        category: "object",
        bars: [{ key: "object|car", name: "car", units: [2, 2, 0], columns: [0, 0, null] }],
      },
      {
        category: "part",
        bars: [{ key: "part|wheel", name: "wheel", units: [1, 0, 3], columns: [1, null, 1] }],
      },
      {
        category: "color",
        bars: [{ key: "color|red", name: "red", units: [0, 1, 0], columns: [null, 2, null] }],
      },
    ]);
  });

  it("says in what else than their networks two results differ", () => {
    const same = { data_set: "before" };
    expect(unlike(table({ ...before, ...same }), table({ ...after, ...same }))).toBe("");
    expect(unlike(left, table({ ...after, data_set: "after" }))).toContain(
      "different images (before: 10 images",
    );
    expect(unlike(left, table({ ...after, semantics: "netdissect-lite" }))).toContain("different rules");
  });
});

describe("the state of a comparison", () => {
  const stateOf = (values: Record<string, unknown> = {}) => {
    const tables = [raw(before), raw(after), raw({ ...resultOf("later", [[0, 0, 0.5]]) })];
    return new State(
      new FakeModel({
        _tables: tables,
        _several: true,
        current: "before",
        compare: ["before", "after"],
        ...values,
      }),
    );
  };
  const names = (state: State) => state.pairs.value.map(({ name }) => name);

  it("filters by what became of a concept; the counts are of what the other filters leave", () => {
    const state = stateOf();
    expect(state.changes.value).toEqual({ gained: 1, lost: 1, kept: 1 });
    state.toggleChange("gained");
    expect([names(state), state.isFiltered]).toEqual([["red"], true]);
    state.toggleChange("kept");
    expect(names(state)).toEqual(["car", "red"]);
    expect(state.changes.value).toEqual({ gained: 1, lost: 1, kept: 1 });
    expect(state.categoryCounts.value.map(({ units }) => units)).toEqual([1, 0, 1]);
    state.toggleCategory("color");
    expect(state.changes.value).toEqual({ gained: 1, lost: 0, kept: 0 });
    state.clearFilters();
    expect(names(state)).toHaveLength(3);
  });

  it("is of two; more share an axis, and one at a time is listed", () => {
    const state = stateOf();
    expect(state.sides.value?.map(({ key }) => key)).toEqual(["before", "after"]);
    expect(state.compare(["before", "after", "later"])).toBe("");
    expect([state.sides.value, state.compared.value?.length, state.visibleTables.value.length]).toEqual([
      null,
      3,
      1,
    ]);
    expect(state.isFiltered).toBe(false);
  });

  it("refuses two that have no concept in common, and says so", () => {
    const strange = raw({ ...cases.table, key: "strange" });
    const state = stateOf({ _tables: [raw(before), strange], compare: [] });
    expect(state.compare(["before", "strange"])).toContain("no concept in common");
    expect(state.synced.compare.value).toEqual([]);
  });
});
