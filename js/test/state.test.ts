import { describe, expect, it } from "vitest";
import literals from "../../tests/data/python_literals.json";
import { literal, selectionCode, viewCode } from "../src/state/python";
import { State } from "../src/state/state";
import { FakeModel, raw } from "./parts";

const stateWith = (values: Record<string, unknown> = {}): State =>
  new State(new FakeModel({ only: "all", sort: "unit", ...values }));
const stateOfTwo = (values: Record<string, unknown> = {}): State =>
  stateWith({
    _several: true,
    _tables: [raw({ key: "a" }), raw({ key: "it's" })],
    current: "it's",
    ...values,
  });

describe("selection", () => {
  it("takes a range from the unit ticked last, in the order shown, and lets it shrink", () => {
    const state = stateWith({ sort: "iou" });
    const order = state.shownOf(state.table.value);
    expect(order).toEqual([6, 1, 2, 0, 8, 7, 3, 5, 4, 9]);
    state.selection.toggle(4);
    state.selection.toggle(1);
    state.selection.extendTo(8, order);
    expect(state.synced.selected.value).toEqual([4, 1, 2, 0, 8]);
    state.selection.extendTo(2, order);
    expect(state.synced.selected.value).toEqual([4, 1, 2]);
    state.selection.extendTo(6, order);
    expect(state.synced.selected.value).toEqual([4, 1, 6]);
  });

  it("extends by steps from where the keyboard is, and takes them all back at once", () => {
    const { selection, synced } = stateWith({ selected: [9] });
    const order = [0, 1, 2, 3];
    selection.extendFrom(1, 2, order);
    selection.extendFrom(2, 3, order);
    selection.extendFrom(3, 2, order);
    expect(synced.selected.value).toEqual([9, 1, 2]);
    selection.undo();
    expect(synced.selected.value).toEqual([9]);
    selection.extendFrom(3, 2, order); // somewhere else: a new range
    expect(synced.selected.value).toEqual([9, 2, 3]);
  });

  it("selects all that is shown beside what was, clears, and goes back step by step", () => {
    const state = stateWith({ query: "wheel", selected: [0] });
    state.selectAll();
    expect(state.synced.selected.value).toEqual([0, 1, 2]);
    state.selection.clear();
    expect([state.synced.selected.value, state.selection.cleared.value]).toEqual([[], 3]);
    expect(state.selection.undo()).toBe(true);
    expect(state.synced.selected.value).toEqual([0, 1, 2]);
    expect(state.selection.cleared.value).toBe(0);
    state.selection.undo();
    expect(state.synced.selected.value).toEqual([0]);
    expect([state.selection.undo(), state.selection.steps.value]).toEqual([false, 0]);
  });

  it("makes no step of what changes nothing", () => {
    const state = stateWith({ query: "wheel", selected: [1, 2] });
    state.selectAll();
    expect(state.selection.steps.value).toBe(0);
  });

  it("names units by address where there are several dissections", () => {
    const state = stateOfTwo({ query: "wheel" });
    state.selectAll();
    expect(state.synced.selected.value).toEqual(["it's:1", "it's:2"]);
    expect(state.shownOf(state.synced.tables.value[0])).toEqual([]);
  });
});

describe("comparing what is selected", () => {
  it("shows these units of one dissection, and the dissections themselves where there are several", () => {
    const one = stateOfTwo({ selected: ["a:3", "a:1"], query: "x", compare: ["a", "it's"] });
    one.compareSelected();
    expect([one.shown.value, one.table.value.key, one.sides.value]).toEqual([[1, 3], "a", null]);
    const both = stateOfTwo({ selected: ["it's:3", "a:1"], query: "x" });
    expect(both.compareSelected()).toBe("");
    expect([both.synced.compare.value, both.synced.query.value]).toEqual([["it's", "a"], ""]);
  });
});

describe("counts of the categories", () => {
  const counts = (state: State) => state.categoryCounts.value.map(({ units }) => units);

  it("follow the query, the cut and what is shown, and not the categories", () => {
    expect(counts(stateWith({ query: "car" }))).toEqual([2, 2, 0]);
    expect(counts(stateWith({ query: "car", category: ["object"] }))).toEqual([2, 2, 0]);
    expect(counts(stateWith({ only: "detectors", min_iou: 0.25 }))).toEqual([1, 2, 0]);
    expect(counts(stateWith({ only: "unlabelled" }))).toEqual([0, 0, 2]);
  });

  it("are of concepts in a comparison, and follow the query", () => {
    expect(counts(stateOfTwo({ compare: ["a", "it's"], query: "car" }))).toEqual([1, 1, 0]);
  });
});

describe("Python", () => {
  for (const [value, text] of literals)
    it(`writes ${JSON.stringify(value)} as ${text}`, () => expect(literal(value)).toBe(text));

  it("writes half a surrogate pair, which JSON files can't hold", () =>
    expect(literal("\ud800x")).toBe("'\\ud800x'"));

  it("restores a view in one line, of what differs from a new gallery", () => {
    expect(viewCode(stateWith({ only: "detectors", sort: "iou" }))).toBe("d.gallery()");
    expect(viewCode(stateWith({ query: "it's\n", min_iou: 0.1, selected: [3, 5], opened: "layer4:3" }))).toBe(
      "d.gallery(min_iou=0.1, only='all', query=\"it's\\n\", sort='unit', selected=[3, 5], opened='layer4:3')",
    );
    expect(viewCode(stateWith({ only: "all", min_iou: 0.9, sort: "iou" }))).toBe("d.gallery(min_iou=0.9)");
    expect(viewCode(stateWith({ sort: "iou", _chosen: [7, 3], concept: 7, overlay: "heat" }))).toBe(
      "d.gallery(shown=[7, 3], concept=7, overlay='heat')",
    );
  });

  it("restores a view of several, and shows their selected units", () => {
    const state = stateOfTwo({ selected: ["it's:1", "a:3", "it's:0"], only: "detectors", sort: "iou" });
    expect(viewCode(state)).toBe(`nd.gallery(results, current="it's", selected=["it's:1", 'a:3', "it's:0"])`);
    expect(selectionCode(state)).toBe(`results["it's"].units[[1, 0]]\nresults['a'].units[[3]]`);
    expect(selectionCode(stateWith({ selected: [5, 3] }))).toBe("d.units[[5, 3]]");
  });
});
