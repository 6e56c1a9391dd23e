import { afterEach, describe, expect, it, vi } from "vitest";
import { KernelSource } from "../src/data/source";

import { mount } from "../src/mount";
import { Scope } from "../src/scope";
import { isDark, isDarkColor } from "../src/theme";
import { known } from "../src/view/activations";
import { mostBars } from "../src/view/graph-parts";
import { type Extent, firstUnits, heightOf, layoutAt, rowsBetween, topOf } from "../src/view/grid/layout";
import { levelFor, thresholdAt } from "../src/view/threshold";
import { unitPage } from "../src/view/unit";
import { contextOf, pageOfGallery } from "./page";
import { cases, FakeModel, raw, table } from "./parts";

describe("window", () => {
  const extent: Extent = { rows: 2048, rowHeight: 90, openRow: -1, openHead: 0, openHeight: 0 };

  it("keeps few rows, whatever the number of units", () => {
    for (const top of [0, 5_000, 90 * 2040, 1e9]) {
      const [first, last] = rowsBetween(extent, top, top + 9_000, 60);
      expect(last - first).toBeLessThan(60);
    }
    expect(rowsBetween(extent, 0, 660, 60)).toEqual([0, 7]);
    expect(rowsBetween(extent, 900, 1560, 60)).toEqual([10, 17]);
  });

  it("gives the opened row a height of its own", () => {
    const opened = { ...extent, openRow: 3, openHead: 60, openHeight: 500 };
    expect([topOf(opened, 3), topOf(opened, 4)]).toEqual([270, 830]);
    expect(heightOf(opened)).toBe(heightOf(extent) + 470);
    expect(rowsBetween(opened, 400, 500, 60)).toEqual([3, 3]);
    expect(rowsBetween(opened, 829, 830, 60)).toEqual([3, 4]);
    expect(rowsBetween(opened, 920, 1010, 60)).toEqual([5, 6]);
  });

  it("lays cards out for every width", () => {
    expect(layoutAt(1256, 10, false)).toMatchObject({ shape: "row", columns: 1, perLine: 10, shown: 10 });
    expect(layoutAt(1004, 10, false)).toMatchObject({ shape: "row", columns: 1, perLine: 7, shown: 7 });
    expect(layoutAt(400, 10, false)).toMatchObject({ shape: "stack", perLine: 3, shown: 6 });
    expect(layoutAt(620, 10, false)).toMatchObject({ shape: "stack", perLine: 6, shown: 6 });
    expect(layoutAt(1004, 3, false)).toMatchObject({ perLine: 3, shown: 3, thumb: 124 });
    expect(layoutAt(1900, 10, false).columns).toBe(2);
    expect(layoutAt(1004, 0, false)).toMatchObject({ columns: 3, rowHeight: 92 });
    expect(layoutAt(1004, 25, false)).toEqual(layoutAt(1004, 10, false));
    expect(layoutAt(1004, 10, true)).toMatchObject({ shape: "stack", columns: 2 });
    for (const width of [300, 500, 720, 1004, 1500, 2400]) {
      const { shape, thumb, perLine, shown, columns } = layoutAt(width, 10, false);
      const room = width / columns - (shape === "row" ? 208 : 0);
      expect((thumb + 3) * perLine).toBeLessThanOrEqual(room);
      expect(thumb).toBeGreaterThanOrEqual(96);
      expect(shown).toBeGreaterThanOrEqual(4);
    }
  });
});

describe("the beginning of a list", () => {
  it("is eight units, or as many as are not too high", () => {
    expect([116, 132, 200, 346, 900].map(firstUnits)).toEqual([8, 8, 5, 3, 3]);
  });
});

describe("threshold", () => {
  const maps = { images: [], maps: [], low: -1, high: 5 };
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
  it("reads colors", () => {
    expect(["rgb(255, 255, 255)", "rgb(21 24 29)", ""].map(isDarkColor)).toEqual([false, true, null]);
  });
  it("follows the marks of the page, then what the reader prefers", () => {
    expect(isDark(document.body, true)).toBe(true);
    document.body.className = "vscode-light";
    expect(isDark(document.body, true)).toBe(false);
    document.body.className = "vscode-dark";
    expect(isDark(document.body, false)).toBe(true);
    document.body.className = "vscode-high-contrast";
    expect(isDark(document.body, false)).toBe(true);
    document.body.className = "vscode-high-contrast-light vscode-high-contrast";
    expect(isDark(document.body, true)).toBe(false);
    document.body.className = "nav-sidebar quarto-dark";
    expect(isDark(document.body, false)).toBe(true);
    document.body.setAttribute("data-jp-theme-light", "true");
    expect(isDark(document.body, true)).toBe(false);
    document.body.removeAttribute("data-jp-theme-light");
  });
});

describe("gallery", () => {
  const page = pageOfGallery();
  const { start, within, focused } = page;

  it("keeps what was typed when the kernel's echo of an earlier word comes late", () => {
    vi.useFakeTimers();
    const model = start();
    const field = within<HTMLInputElement>(".search");
    const type = (text: string) => {
      field.value = text;
      field.dispatchEvent(new Event("input"));
    };
    type("st");
    vi.advanceTimersByTime(300); // sent
    type("stove");
    model.set("query", "st");
    expect([field.value, model.get("query")]).toEqual(["stove", "stove"]);
    vi.advanceTimersByTime(300);
    expect(model.saves).toBe(2);
    model.set("query", "wheel"); // set in Python, with nothing under way
    expect(field.value).toBe("wheel");
    vi.useRealTimers();
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

  it("says that numbers are rough while it computes", () => {
    start({ _tables: [raw({ provisional: "Provisional: after 64 of 560 images." })] });
    expect(within(".figure").textContent).toMatch(/^so far about \d+ of 10 units/);
    expect(within("[data-about=provisional]").textContent).toContain("after 64 of 560");
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
    const bar = within("[role=option][data-category=part]");
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
    expect(page.host.shadowRoot?.querySelector("img, b b")).toBeNull();
    expect(page.host.shadowRoot?.textContent).toContain("<img src=x onerror");
  });

  it("offers ways out where nothing is found", () => {
    const model = start({ query: "giraffe" });
    expect(within(".empty").textContent).toContain("No unit is about “giraffe” here.");
    [...within(".empty").querySelectorAll("button")][0].click();
    expect(model.get("query")).toBe("");
    expect(within<HTMLElement>(".empty").hidden).toBe(true);
  });

  const twoResults = (values: Record<string, unknown> = {}) => {
    const concepts = cases.table.concepts.map(([number, ...rest]) => [(number as number) + 100, ...rest]);
    return start({
      _tables: [raw(), raw({ key: "layer5", concepts, categories: ["object", "part", "color", "scene"] })],
      _several: true,
      ...values,
    });
  };
  const tab = (key: string) => within(`.tab[data-key=${key}]`);

  it("looks for the same concept in another result, whatever its number is there", () => {
    const model = twoResults({ concept: 7 });
    const status = within("[role=status]");
    expect(status.textContent).toBe("2 of 10 units");
    tab("layer5").click();
    expect([model.get("concept"), status.textContent]).toEqual([107, "2 of 10 units"]);
    tab("layer4").click();
    expect(model.get("concept")).toBe(7);
  });

  it("keeps a category in sight that another result doesn't have", () => {
    const model = twoResults({ current: "layer5" });
    within(".chip[data-category=scene]").click();
    tab("layer4").click();
    expect(within(".chip[data-category=scene]").getAttribute("aria-pressed")).toBe("true");
    within(".chip[data-category=scene]").click();
    expect(model.get("category")).toEqual([]);
    expect(within(".chip[data-category=scene]")).toBeNull();
  });

  it("keeps the scale of the cut's slider while it is dragged down, and says the cut in few digits", () => {
    const model = start({ min_iou: 0.8 });
    const slider = within<HTMLInputElement>("input[aria-label='IoU cut']");
    expect(slider.max).toBe("0.8");
    model.set("min_iou", 0.1 + 0.2);
    expect([slider.max, slider.getAttribute("aria-valuetext")]).toEqual(["0.8", "IoU > 0.3"]);
  });

  it("moves the focus to the search before a button that was pressed vanishes", () => {
    start({ query: "giraffe", selected: [3] });
    within(".empty button").focus();
    within(".empty button").click();
    expect(focused()).toBe(within(".search"));
  });

  it("gives a concept without a name one to be seen and clicked", () => {
    const concepts = cases.table.concepts.map(([number, name, category]) => [
      number,
      name === "Car" ? "" : name,
      category,
    ]);
    start({ _tables: [raw({ concepts })] });
    expect(within("[role=option]").textContent).toContain("(unnamed)");
  });

  it("keeps a warning in view", () => {
    start({ _tables: [raw({ warning: "Probed with drawings: not evidence" })] });
    expect(within("[role=note]").textContent).toContain("Probed with drawings");
  });

  it("follows a newer result and keeps what people have set", () => {
    const model = start({ sort: "unit", only: "all", selected: [3], concept: 7 });
    const figure = within(".figure b");
    expect(figure.textContent).toBe("6");
    // Fewer units pass, and the concepts are numbered otherwise.
    const concepts = cases.table.concepts.map(([number, ...rest]) => [(number as number) + 100, ...rest]);
    const best_iou = cases.table.best_iou.map((iou) => iou / 10);
    model.set("_tables", [
      raw({ concepts, best_iou, provisional: "Provisional: after 640 of 2,040 images" }),
    ]);
    expect(within(".figure b").textContent).toBe(
      String(best_iou.filter((iou, unit) => iou > 0.04 && cases.table.best[unit] >= 0).length),
    );
    expect([model.get("concept"), model.get("selected"), model.get("only")]).toEqual([107, [3], "all"]);
    expect(within("[data-about=provisional]").textContent).toBe("≈ Provisional: after 640 of 2,040 images");
    model.set("_tables", [raw({ concepts })]);
    expect(within("[data-about=provisional]")).toBeNull();
    expect(within(".figure b").textContent).toBe("6");
  });

  it("keeps the focus on a bar when a newer result comes", () => {
    const model = start();
    within("[role=option][data-category=part]").focus();
    const key = focused()?.dataset.key;
    model.set("_tables", [raw()]);
    expect(focused()?.dataset.key).toBe(key);
  });

  it("leaves out bars for which there is no room, from the longest categories", () => {
    expect(mostBars([3, 40, 12], 2000)).toBe(40);
    expect(mostBars([3, 40, 12], 600)).toBe(15);
    expect(mostBars([3, 40, 12], 10)).toBe(4);
    expect(mostBars([2], 10)).toBe(4);
  });

  it("says what went wrong instead of staying empty", () => {
    start({ _tables: "nonsense" });
    expect(within("[role=alert]").textContent).toContain("Run the cell again");
  });

  describe("what stands in for it", () => {
    const hides = () =>
      [...document.head.querySelectorAll("style")].some((one) => one.textContent?.includes("#summary-7{"));
    const answer = async (model: FakeModel, reply: object, buffers: DataView[]) => {
      for (const { id } of model.sent.filter(({ kind }) => kind === "maps"))
        model.fire("msg:custom", { ...reply, id }, buffers);
      await new Promise((done) => setTimeout(done, 0));
    };
    const maps = { kind: "maps", units: [0], images: [], sizes: [], grids: [], problems: [] };
    const empty = () => new DataView(new ArrayBuffer(0));

    it("is hidden while it is there, once the kernel has answered", async () => {
      const model = start({ stands_for: "summary-7" });
      await Promise.resolve();
      expect(hides()).toBe(false);
      await answer(model, maps, [empty(), empty()]);
      expect(hides()).toBe(true);
      page.end();
      expect(hides()).toBe(false);
    });

    it("is hidden where the kernel says that there are no images", async () => {
      const model = start({ stands_for: "summary-7" });
      await answer(model, { kind: "error", error: "no images", hint: "" }, []);
      expect(hides()).toBe(true);
    });

    it("stays where bytes are dropped on the way", async () => {
      const model = start({ stands_for: "summary-7" });
      await answer(model, maps, []);
      expect(hides()).toBe(false);
    });

    it("stays where the numbers came without their bytes, and the reason is said", () => {
      const dropped = Object.fromEntries(
        Object.entries(raw()).map(([name, value]) => {
          const { data, ...rest } = Object(value);
          return [name, data ? rest : value];
        }),
      );
      start({ stands_for: "summary-7", _tables: [dropped] });
      expect(within("[role=alert]").textContent).toContain("drops binary data");
      expect(hides()).toBe(false);
    });
  });

  describe("an opened unit", () => {
    const open = () => {
      const model = new FakeModel();
      const { context, end } = contextOf(model);
      const scope = new Scope();
      const actions = { close: () => {}, turn: () => {} };
      const { region } = unitPage(context, context.state.table.value, 1, actions, scope);
      page.host.attachShadow({ mode: "open" }).append(region);
      page.end = () => {
        scope.dispose();
        end();
      };
      const reply = async (kind: string, answer: object, buffers: DataView[] = []) => {
        for (const { id } of model.sent.filter((sent) => sent.kind === kind))
          model.fire("msg:custom", { kind, ...answer, id }, buffers);
        await new Promise((done) => setTimeout(done, 0));
      };
      return { model, page: region, reply };
    };
    const row = (concept: number) => ({ concept, iou: 0.1, intersection: 1, activation: 5, truth: 6 });

    it("says how sure its label is", async () => {
      const { page, reply } = open();
      await reply("unit", { ranking: [], evidence: "car or truck (90 %), IoU 0.120 to 0.240 on 31 images" });
      expect(page.querySelector(".evidence")?.textContent).toBe(
        "How sure: car or truck (90 %), IoU 0.120 to 0.240 on 31 images",
      );
    });

    it("keeps the focus on a concept that is chosen in the ranking", async () => {
      const { model, page, reply } = open();
      await reply("unit", { ranking: [row(1), row(0)].map((one) => ({ ...one, ceiling: 0.03 })) });
      const [, second] = page.querySelectorAll<HTMLElement>("tbody .plain");
      second.focus();
      second.click();
      expect(focused()).toBe(second);
      expect(second.closest("tr")?.className).toContain("chosen");
      expect(page.querySelectorAll(".ceiling:not([hidden])")).toHaveLength(2);
      model.set("min_iou", 0.01);
      expect(focused()).toBe(second);
      expect(page.querySelectorAll(".ceiling:not([hidden])")).toHaveLength(0);
    });

    it("asks again for what failed", async () => {
      const { model, page, reply } = open();
      await reply("unit", { ranking: [] });
      [...page.querySelectorAll("button")].find((one) => one.textContent === "Why this label?")?.click();
      await reply("labels", { kind: "error", error: "disk gone", hint: "look" });
      expect(page.querySelector("[role=alert]")?.textContent).toContain("disk gone");
      const before = model.sent.filter(({ kind }) => kind === "labels").length;
      page.querySelector<HTMLElement>("[role=alert] button")?.click();
      expect(model.sent.filter(({ kind }) => kind === "labels")).toHaveLength(before + 1);
      expect(page.querySelector("[role=alert]")).toBeNull();
    });
  });

  it("says an activation that isn't known in words", () => {
    expect([known(1.2345), known(5.2), known(2), known(405), known(0), known(Number.NaN), known()]).toEqual([
      "1.23",
      "5.20",
      "2.00",
      "405",
      "0",
      "not known",
      "not known",
    ]);
  });

  it("leaves nothing behind", () => {
    const model = start();
    page.end();
    expect(model.listeners).toBe(0);
    expect(page.host.shadowRoot?.childElementCount).toBe(0);
    mount(page.host, model, new KernelSource(model))();
    expect(page.host.shadowRoot?.childElementCount).toBe(0);
  });
});
