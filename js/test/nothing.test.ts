import { describe, expect, it } from "vitest";
import type { Model } from "../src/state/model";
import { State } from "../src/state/state";
import { nothingShown } from "../src/view/nothing";
import { FakeModel, raw } from "./parts";

const stateWith = (values: Record<string, unknown>): State =>
  new State(new FakeModel({ sort: "unit", ...values }) as unknown as Model);

/** What is said, and the names of the ways out. */
function said(values: Record<string, unknown>): string[] {
  const { reason, query, notes, ways } = nothingShown(stateWith(values));
  return [reason.replace("{}", `“${query}”`), ...notes, ways.map(({ text }) => text).join(" | ")];
}

describe("why no unit is shown", () => {
  it("is the cut, where units of what is looked for lie below or above it", () => {
    expect(said({ query: "wheel", min_iou: 0.9 })).toEqual([
      "No unit that passes IoU > 0.9 is about “wheel”.",
      "There are 2 such units below it, with IoU up to 0.300.",
      "Lower the cut to 0.295 | Search all units | Clear filters",
    ]);
    expect(said({ query: "wheel", only: "unlabelled" })).toEqual([
      "No unit below the cut is about “wheel”.",
      "There are 2 such units above it.",
      "Search all units | Clear filters",
    ]);
    expect(said({ min_iou: 0.95 })).toEqual([
      "No unit passes the cut.",
      "The highest IoU here is 0.500.",
      "Lower the cut to 0.495 | Search all units",
    ]);
  });

  it("offers a cut that shows some", () => {
    const state = stateWith({ category: ["color"], min_iou: 0.95, only: "detectors" });
    expect(state.shown.value).toEqual([]);
    nothingShown(state).ways[0].go();
    expect([state.synced.cut.value, state.shown.value]).toEqual([0.035, [3]]);
    const exact = [raw({ best_iou: [0.05, 0, 0, 0, 0, 0, 0, 0, 0, 0], best: [0, ...new Array(9).fill(-1)] })];
    const edge = stateWith({ _tables: exact, min_iou: 0.5 });
    nothingShown(edge).ways[0].go();
    expect([edge.synced.cut.value, edge.shown.value]).toEqual([0.045, [0]]);
  });

  it("is the choice of units, where others are found", () => {
    const values = { query: "3", _chosen: [4, 9], only: "all" };
    expect(said(values)).toEqual([
      "None of the 2 chosen units is about “3”.",
      "There is 1 such unit among all units.",
      "Search all units | Clear filters",
    ]);
    const state = stateWith(values);
    nothingShown(state).ways[0].go();
    expect([state.synced.chosen.value, state.shown.value]).toEqual([null, [3]]);
  });

  it("is another filter", () =>
    expect(said({ query: "wheel", category: ["color"], only: "all" }).slice(0, 2)).toEqual([
      "No unit is about “wheel” here.",
      "There are 2 such units elsewhere: the other filters leave them out.",
    ]));

  it("is that the concept is out of reach, or that units have better ones", () => {
    const none = { best: [0, 0, 0, 0, -1, 0, 0, 0, 0, -1] };
    const second = raw({ ...none });
    new DataView(second.second.data.buffer, second.second.data.byteOffset).setInt32(0, 2, true);
    expect(said({ query: "red", _tables: [second], only: "all" })).toEqual([
      "No unit is about “red” here.",
      "red could not pass 0.04 (IoU ≤ 0.030): out of reach. It is the second choice of 1 unit.",
      "Clear filters",
    ]);
    expect(said({ query: "wheel", _tables: [raw(none)], only: "all" })[1]).toBe(
      "car wheel is no unit’s best concept: IoU up to 0.300, in unit 1.",
    );
    expect(said({ query: "red" })[2]).toBe("red could not pass 0.04 (IoU ≤ 0.030): out of reach.");
  });

  it("is nothing else than the words", () =>
    expect(said({ query: "giraffe" })).toEqual([
      "No unit is about “giraffe” here.",
      "Words are looked for in concept, category and number.",
      "Clear filters",
    ]));
});

describe("why no concept is shown in a comparison", () => {
  const versions = { untrained: [2, 4], trained: [2, 4, 0] };
  const tables = Object.entries(versions).map(([key, concepts]) =>
    raw({
      key,
      best: [...concepts, ...new Array(10 - concepts.length).fill(-1)],
      best_iou: [...concepts.map(() => 0.2), ...new Array(10 - concepts.length).fill(0)],
    }),
  );
  const both = {
    _several: true,
    _tables: tables,
    current: "untrained",
    compare: ["untrained", "trained"],
  };

  it("tells what became of all", () => {
    expect(said({ ...both, change: ["lost"] })).toEqual([
      "No concept was lost: all 2 of untrained are in trained.",
      "Clear filters",
    ]);
    const swapped = { ...both, compare: ["trained", "untrained"] };
    expect(said({ ...swapped, change: ["gained"] })[0]).toBe(
      "No concept was gained: all 2 of untrained are in trained.",
    );
  });

  it("tells that one side has none at all", () => {
    const values = { ...both, min_iou: 0.5, change: ["kept"] };
    expect(said(values)[0]).toBe("No concept was kept: untrained has none.");
    expect(
      said({
        ...both,
        _tables: [raw({ key: "untrained", best: new Array(10).fill(-1) }), tables[1]],
        change: ["lost"],
      })[0],
    ).toBe("No concept was lost: untrained has none.");
    expect(said({ ...values, change: ["kept", "lost"] })[0]).toBe("No concept was kept or lost.");
  });

  it("tells how high what is looked for comes on either side", () =>
    expect(said({ ...both, query: "Car", change: ["lost"] })).toEqual([
      "No concept is lost and about “Car”.",
      "Car is no unit’s best concept in untrained: IoU up to 0.200, in unit 0.",
      "car wheel is no unit’s best concept in untrained: IoU up to 0.300, in unit 1.",
      "Car is the best concept of 1 unit in trained: IoU up to 0.200.",
      "car wheel is no unit’s best concept in trained: IoU up to 0.300, in unit 1.",
      "Clear filters",
    ]));

  it("says that filters leave none", () =>
    expect(said({ ...both, change: ["lost"], category: ["color"] })[0]).toBe(
      "No concept matches these filters.",
    ));
});
