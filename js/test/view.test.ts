import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KernelSource } from "../src/data/source";
import { mount } from "../src/mount";
import { isDark, isDarkColour } from "../src/theme";
import { levelFor, thresholdAt } from "../src/view/strip";
import { type Extent, heightOf, layoutAt, rowsInView, topOf } from "../src/view/window";
import { FakeModel, raw, table } from "./parts";

describe("window", () => {
  const extent: Extent = { rows: 2048, rowHeight: 90, openRow: -1, openHeight: 0 };

  it("keeps few rows, whatever the number of units", () => {
    for (const top of [0, 5_000, 90 * 2040, 1e9]) {
      const [first, last] = rowsInView(extent, top, 660, 2, 60);
      expect(last - first).toBeLessThan(60);
    }
    expect(rowsInView(extent, 0, 660, 2, 60)).toEqual([0, 9]);
    expect(rowsInView(extent, 900, 660, 2, 60)).toEqual([8, 19]);
  });

  it("makes room below the opened row", () => {
    const opened = { ...extent, openRow: 3, openHeight: 500 };
    expect([topOf(opened, 3), topOf(opened, 4)]).toEqual([270, 860]);
    expect(heightOf(opened)).toBe(heightOf(extent) + 500);
    expect(rowsInView(opened, 400, 100, 0, 60)).toEqual([3, 3]);
    expect(rowsInView(opened, 860, 100, 0, 60)).toEqual([4, 5]);
  });

  it("lays cards out for every width", () => {
    expect(layoutAt(1004, 10, false)).toMatchObject({ shape: "row", columns: 1, perLine: 10 });
    expect(layoutAt(380, 10, false)).toMatchObject({ shape: "stack", perLine: 5 });
    expect(layoutAt(1900, 10, false).columns).toBe(2);
    expect(layoutAt(1004, 0, false)).toMatchObject({ columns: 3, rowHeight: 92 });
    expect(layoutAt(1004, 10, true)).toMatchObject({ shape: "stack", columns: 2 });
    for (const width of [300, 500, 720, 1004, 1500, 2400]) {
      const { shape, thumb, perLine, columns } = layoutAt(width, 10, false);
      const room = width / columns - (shape === "row" ? 232 : 0);
      expect((thumb + 3) * perLine).toBeLessThanOrEqual(room);
    }
  });
});

describe("threshold", () => {
  const maps = { maps: [], low: -1, high: 5 };
  it("runs from the minimum to the maximum of a unit, as scored in the middle", () => {
    expect([-1, 0, 1].map((level) => thresholdAt(table(), 0, maps, level))).toEqual([-1, 1, 5]);
    expect(thresholdAt(table(), 0, undefined, 1)).toBe(1);
  });
  it("can be set by its value", () => {
    for (const value of [-1, 0, 1, 3.5, 5]) {
      expect(thresholdAt(table(), 0, maps, levelFor(table(), 0, maps, value))).toBeCloseTo(value);
    }
  });
});

describe("theme", () => {
  afterEach(() => document.body.removeAttribute("class"));
  it("reads colours", () => {
    expect(["rgb(255, 255, 255)", "rgb(21 24 29)", ""].map(isDarkColour)).toEqual([false, true, null]);
  });
  it("follows the marks of the page, then the wish", () => {
    expect(isDark(document.body, true)).toBe(true);
    document.body.className = "vscode-light";
    expect(isDark(document.body, true)).toBe(false);
    document.body.className = "vscode-dark";
    expect(isDark(document.body, false)).toBe(true);
    document.body.setAttribute("data-jp-theme-light", "true");
    expect(isDark(document.body, true)).toBe(false);
    document.body.removeAttribute("data-jp-theme-light");
  });
});

describe("gallery", () => {
  let host: HTMLElement;
  let end: (() => void) | undefined;
  const within = <E extends Element = HTMLElement>(selector: string) =>
    host.shadowRoot?.querySelector<E>(selector) as E;
  const start = (values: Record<string, unknown> = {}) => {
    const model = new FakeModel(values);
    const source = new KernelSource(model);
    const stop = mount(host, model, source);
    end = () => {
      stop();
      source.dispose();
    };
    return model;
  };

  beforeEach(() => {
    host = document.createElement("div");
    document.body.append(host);
  });
  afterEach(() => {
    end?.();
    host.remove();
  });

  it("says how many units are shown, and follows Python", () => {
    const model = start();
    const status = within("[role=status]");
    expect(status.textContent).toBe("6 of 10 units");
    model.set("only", "all");
    expect(status.textContent).toBe("10 of 10 units");
    model.set("min_iou", 0.25);
    model.set("only", "detectors");
    expect(status.textContent).toBe("3 of 10 units");
    expect(within(".figure b").textContent).toBe("3");
  });

  it("tells Python what people do", async () => {
    const model = start();
    const search = within<HTMLInputElement>("input[type=search]");
    search.value = "wheel";
    search.dispatchEvent(new Event("input"));
    within(".chip[data-category=part]").click();
    expect([model.get("query"), model.get("category")]).toEqual(["wheel", ["part"]]);
    expect(within(".chip[data-category=part]").getAttribute("aria-pressed")).toBe("true");
    await new Promise((resolve) => setTimeout(resolve, 260));
    expect(model.saves).toBeGreaterThan(0);
  });

  it("filters by a bar, and by a second click no longer", () => {
    const model = start();
    const bar = within("[role=option][data-number='7']");
    expect(bar.textContent).toBe("car wheel2");
    bar.click();
    expect(model.get("concept")).toBe(7);
    expect(within("[role=status]").textContent).toBe("2 of 10 units");
    bar.click();
    expect(model.get("concept")).toBeNull();
  });

  it("shows names as text only", () => {
    const names = ['<img src=x onerror="globalThis.hacked=1">', "<b>", "</style>", "x", "y"];
    start({
      _tables: [
        raw({ concepts: names.map((name, at) => [at + 1, name, ["object", "part", "color"][at % 3]]) }),
      ],
    });
    expect(host.shadowRoot?.querySelector("img, b b")).toBeNull();
    expect(host.shadowRoot?.textContent).toContain("<img src=x onerror");
  });

  it("offers ways out where nothing is found", () => {
    const model = start({ query: "giraffe" });
    expect(within(".empty").textContent).toContain("No unit is about “giraffe” here.");
    [...within(".empty").querySelectorAll("button")][0].click();
    expect(model.get("query")).toBe("");
    expect(within<HTMLElement>(".empty").hidden).toBe(true);
  });

  it("keeps a warning in view", () => {
    start({ _tables: [raw({ warning: "Probed with drawings: not evidence" })] });
    expect(within("[role=note]").textContent).toContain("Probed with drawings");
  });

  it("says what went wrong instead of staying empty", () => {
    start({ _tables: "nonsense" });
    expect(within("[role=alert]").textContent).toContain("Run the cell again");
  });

  it("hides what stands in for it while it is there", () => {
    const summary = document.createElement("p");
    summary.id = "summary-7";
    document.body.append(summary);
    start({ stands_for: "summary-7" });
    expect(summary.style.display).toBe("none");
    end?.();
    expect(summary.style.display).toBe("");
    summary.remove();
  });

  it("leaves nothing behind", () => {
    const model = start();
    end?.();
    expect(model.listeners).toBe(0);
    expect(host.shadowRoot?.childElementCount).toBe(0);
    mount(host, model, new KernelSource(model))();
    expect(host.shadowRoot?.childElementCount).toBe(0);
  });
});
