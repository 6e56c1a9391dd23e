import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { addressOf, followAddress, readAddress } from "../src/address";
import { EmbeddedModel } from "../src/data/embedded";
import { DEFAULTS } from "../src/state/gallery-state";
import { raw, table } from "./parts";

const ODD = ["my layer", "a&b=c", "50%", "#1", "x:y", "层/1?", 'it\'s "q"', "<b>", "\\x1b[0m", "a+b,c"];
const began = { ...DEFAULTS, current: "layer4" };

describe("an address", () => {
  for (const key of ODD)
    it(`comes back with the layer ${key}`, () => {
      const tables = [table({ key })];
      const text = addressOf({ ...began, current: key, opened: `${key}:3` }, { ...began, current: key });
      expect(text).not.toMatch(/[\s<>"&#]|=/);
      expect(readAddress(text, tables, false)).toEqual({ values: { opened: `${key}:3` }, wrong: [] });
      const selected = { ...began, selected: [`${key}:3`, `${key}:4`] };
      expect(readAddress(addressOf(selected, began), tables, true).values).toEqual({
        selected: selected.selected,
      });
    });

  it("is as plain as a layer's name lets it be", () => {
    expect(addressOf({ ...began, opened: "features.12:412" }, began)).toBe("features.12:412");
    expect(addressOf(began, began)).toBe("");
  });

  it("comes back with every setting", () => {
    const tables = [table({ key: "a" }), table({ key: "b" })];
    const now = {
      ...began,
      current: "b",
      compare: ["b", "a"],
      query: 'wheel, "car door"\n&only=all ü',
      min_iou: 0.1,
      only: "all",
      category: ["part", "color"],
      concept: 7,
      sort: "activation",
      overlay: "heat",
      selected: ["a:3", "b:9"],
      opened: "a:3",
    };
    const { values, wrong } = readAddress(addressOf(now, began), tables, true);
    expect(wrong).toEqual([]);
    expect({ ...began, ...values }).toEqual(now);
  });

  it("comes back with what is empty where the page began with something", () => {
    const filled = { ...began, category: ["part"], concept: 7, query: "x", selected: [3] };
    const now = { ...filled, category: [], concept: null, query: "", selected: [] };
    const { values, wrong } = readAddress(addressOf(now, filled), [table()], false);
    expect(wrong).toEqual([]);
    expect({ ...filled, ...values }).toEqual(now);
  });

  it("leaves out a selection that would make it endless, and half a surrogate pair", () => {
    const now = { ...began, selected: Array.from({ length: 201 }, (_, at) => at), query: "\ud800x" };
    expect(addressOf(now, began)).toBe("query=%EF%BF%BDx");
  });

  it("says which of its parts mean nothing", () => {
    const text =
      "layer4:10&layer5:1&only=some&min_iou=2&min_iou=x&category=nonsense&concept=999&selected=10&sort=__proto__" +
      "&compare=layer4&constructor=1&_chosen=3&query=%E0%A4%A&layer4:03x&top";
    const { values, wrong } = readAddress(text, [table()], false);
    expect(values).toEqual({});
    expect(wrong.length).toBe(15);
  });
});

describe("a page that follows its address", () => {
  let end = () => {};
  const model = (values: Record<string, unknown> = {}) =>
    new EmbeddedModel({ ...began, _tables: [raw()], _several: false, ...values });
  const go = (hash: string) => {
    history.replaceState(null, "", `${location.href.split("#")[0]}${hash}`);
  };
  beforeEach(() => {
    vi.useFakeTimers();
    go("");
  });
  afterEach(() => {
    end();
    vi.useRealTimers();
  });

  it("opens the unit, and shows it: below the cut, in another category, with another query", () => {
    go("#layer4:5&query=wheel&category=part");
    const page = model();
    const report = vi.fn();
    end = followAddress(page, report);
    expect(page.get("opened")).toBe("layer4:5");
    expect([page.get("only"), page.get("query"), page.get("category")]).toEqual(["all", "", []]);
    expect(report).toHaveBeenCalledWith([]);
  });

  it("leaves a comparison only for a unit that isn't in it", () => {
    const two = { _tables: [raw(), raw({ key: "layer5" })], _several: true };
    for (const [unit, compare] of [
      [6, ["layer4", "layer5"]], // the best one for its concept
      [2, []], // the second best
    ] as const) {
      go(`#layer5:${unit}`);
      const page = model({ ...two, compare: ["layer4", "layer5"] });
      end = followAddress(page, vi.fn());
      expect([page.get("opened"), page.get("compare")]).toEqual([`layer5:${unit}`, compare]);
      end();
    }
    go("#layer5:2");
    const three = [...two._tables, raw({ key: "layer6" })];
    const page = model({ ...two, _tables: three, compare: ["layer4", "layer5", "layer6"] });
    end = followAddress(page, vi.fn());
    expect([page.get("current"), page.get("compare")]).toEqual(["layer5", ["layer4", "layer5", "layer6"]]);
  });

  it("keeps filters that show the unit", () => {
    go("#layer4:1&query=wheel");
    const page = model();
    end = followAddress(page, vi.fn());
    expect([page.get("opened"), page.get("query"), page.get("only")]).toEqual([
      "layer4:1",
      "wheel",
      "detectors",
    ]);
  });

  it("writes what is set, and takes it away again", () => {
    const page = model();
    end = followAddress(page, vi.fn());
    page.set("opened", "layer4:3");
    page.set("query", "a b");
    vi.runAllTimers();
    expect(location.hash).toBe("#layer4:3&query=a%20b");
    page.set("opened", "");
    page.set("query", "");
    vi.runAllTimers();
    expect(location.href).not.toContain("#");
  });

  it("follows an address that is typed in, and reports what it can't", () => {
    const page = model({ min_iou: 0.1 });
    const report = vi.fn();
    end = followAddress(page, report);
    go("#layer9:1&sort=unit");
    window.dispatchEvent(new Event("hashchange"));
    expect([page.get("sort"), page.get("opened"), page.get("min_iou")]).toEqual(["unit", "", 0.1]);
    expect(report).toHaveBeenCalledWith(["layer9:1"]);
    go("");
    window.dispatchEvent(new Event("hashchange"));
    expect(page.get("sort")).toBe("iou");
    expect(report).toHaveBeenLastCalledWith([]);
  });

  it("leaves no listener behind", () => {
    const page = model();
    end = followAddress(page, vi.fn());
    end();
    page.set("query", "x");
    vi.runAllTimers();
    expect(location.hash).toBe("");
  });
});
