import { beforeEach, describe, expect, it, vi } from "vitest";
import { csvOf } from "../src/data/csv";
import { pageOfGallery } from "./page";
import { table } from "./parts";

describe("what people do in the gallery", () => {
  const page = pageOfGallery();
  const { within, all, focused } = page;
  const start = (values: Record<string, unknown> = {}) =>
    page.start({ only: "all", sort: "unit", ...values });
  const press = (on: Element, key: string, more: KeyboardEventInit = {}) =>
    on.dispatchEvent(
      new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true, ...more }),
    );
  const buttonNamed = (name: string) =>
    all("button").find(
      (one) => !one.hidden && [one.textContent, one.getAttribute("aria-label")].includes(name),
    ) as HTMLElement;
  let copied: string[];

  beforeEach(() => {
    copied = [];
    document.execCommand = () => {
      copied.push(document.querySelector<HTMLTextAreaElement>("body > textarea")?.value ?? "");
      return true;
    };
  });

  describe("the bar of the selection", () => {
    it("is there while units are selected, says how many, and how many of them are hidden", () => {
      const model = start({ query: "wheel" });
      expect(within(".selection").hidden).toBe(true);
      model.set("selected", [1, 3]);
      expect(within(".selection").hidden).toBe(false);
      expect(within(".selected").textContent).toBe("2 selected, 1 not shown");
    });

    it("clears, and takes it back; the focus stays in the gallery", () => {
      const model = start({ selected: [3, 5] });
      buttonNamed("Clear selection").focus();
      buttonNamed("Clear selection").click();
      expect(model.get("selected")).toEqual([]);
      expect(within(".selected").textContent).toBe("Cleared 2 units");
      expect(focused()).toBe(buttonNamed("Undo"));
      buttonNamed("Undo").click();
      expect(model.get("selected")).toEqual([3, 5]);
      expect(focused()).toBe(within(".search"));
      buttonNamed("Clear selection").click();
      buttonNamed("Dismiss").click();
      expect(within(".selection").hidden).toBe(true);
      expect(focused()).toBe(within(".search"));
    });

    it("offers to take a clearing back for a while, until one goes on", () => {
      vi.useFakeTimers();
      const model = start({ selected: [3, 5] });
      const clear = () => {
        vi.advanceTimersByTime(300); // what was changed here is sent
        model.set("selected", [3, 5]);
        within(".search").focus();
        buttonNamed("Clear selection").click();
        expect(within(".selection").hidden).toBe(false);
      };
      clear();
      model.set("query", "wheel");
      expect(within(".selection").hidden).toBe(true);
      clear();
      within(".search").focus();
      vi.advanceTimersByTime(7000);
      expect(within(".selection").hidden).toBe(false);
      vi.advanceTimersByTime(2000);
      expect(within(".selection").hidden).toBe(true);
      press(within("[aria-label=More]"), "z", { ctrlKey: true });
      expect(model.get("selected")).toEqual([3, 5]);
      vi.useRealTimers();
    });

    it("copies code, and says so in sight", () => {
      start({ selected: [5, 3] });
      buttonNamed("Copy code").click();
      expect(copied).toEqual(["d.units[[5, 3]]"]);
      expect(within(".said").hidden).toBe(false);
      expect(within(".said").textContent).toBe("Copied d.units[[5, 3]]");
      expect(within("[aria-live]").textContent).toBe("Copied d.units[[5, 3]]");
    });

    it("shows the text where copying is not allowed", () => {
      document.execCommand = () => false;
      start({ selected: [5] });
      buttonNamed("Copy code").click();
      expect(within(".said").textContent).toBe("Copying is not allowed here: d.units[[5]]");
    });

    it("shows the selected units alone", () => {
      const model = start({ selected: [5, 3], query: "wheel", only: "detectors" });
      buttonNamed("Show only these").click();
      expect([model.get("_chosen"), model.get("query"), model.get("only")]).toEqual([[5, 3], "", "all"]);
      expect(within("[role=status]").textContent).toBe("2 of 10 units");
    });

    it("asks the kernel for a page, and lets it be saved; shows what went wrong", async () => {
      const model = start({ selected: [5, 3] });
      const saved: string[] = [];
      URL.createObjectURL = () => "blob:page";
      vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
        saved.push(this.download);
      });
      const answer = async (reply: Record<string, unknown>, buffers: DataView[]) => {
        buttonNamed("Export").click();
        buttonNamed("Page (HTML)").click();
        const request = model.sent.findLast(({ kind }) => kind === "export");
        expect(request).toMatchObject({ key: "layer4", units: ["layer4:5", "layer4:3"] });
        model.fire("msg:custom", { ...reply, id: request?.id }, buffers);
        await new Promise((resolve) => setTimeout(resolve));
      };
      await answer({ kind: "error", error: "The disk is full", hint: "Make room" }, []);
      expect(within(".selection [role=alert]").textContent).toContain("The disk is full");
      await answer({ kind: "export", name: "layer4-selection.html" }, [new DataView(new ArrayBuffer(3))]);
      expect(saved).toEqual(["layer4-selection.html"]);
      vi.restoreAllMocks();
    });
  });

  describe("keys", () => {
    it("select all that is shown, and go back, wherever the focus is but in a field", () => {
      const model = start({ query: "wheel" });
      press(within("[aria-label=More]"), "a", { ctrlKey: true });
      expect(model.get("selected")).toEqual([1, 2]);
      press(within("[aria-label=More]"), "z", { metaKey: true });
      expect(model.get("selected")).toEqual([]);
      press(within(".search"), "a", { ctrlKey: true });
      expect(model.get("selected")).toEqual([]);
    });

    it("lead to the search, and to their own list", () => {
      start();
      press(within("[aria-label=More]"), "/");
      expect(focused()).toBe(within(".search"));
      press(within(".search"), "?");
      expect(within("dialog.keys")).toBeNull();
      press(within("[aria-label=More]"), "?");
      expect(within<HTMLDialogElement>("dialog.keys").open).toBe(true);
      expect(within("dialog.keys").textContent).toContain("Select all units that are shown");
      within("dialog.keys button").click();
      expect(within("dialog.keys")).toBeNull();
    });

    it("resets the cut by a double-click", () => {
      const model = start({ min_iou: 0.2 });
      within("[aria-label='IoU cut']").dispatchEvent(new MouseEvent("dblclick"));
      expect(model.get("min_iou")).toBe(0.04);
    });
  });

  describe("suggestions", () => {
    const type = (text: string) => {
      const field = within<HTMLInputElement>(".search");
      field.focus();
      field.value = text;
      field.dispatchEvent(new Event("input"));
      return field;
    };
    const offered = () =>
      all("[role=listbox][aria-label=Concepts] [role=option]").map((one) => one.textContent);

    it("are the concepts that begin so, those of most units first, and are chosen by keys", () => {
      const model = start();
      const field = type("ca");
      expect(offered()).toEqual(["Carobject2", "car wheelpart2"]);
      press(field, "ArrowDown");
      press(field, "ArrowDown");
      const active = field.getAttribute("aria-activedescendant");
      expect(within(`#${active}`).getAttribute("aria-selected")).toBe("true");
      press(field, "Enter");
      expect(model.get("query")).toBe('"car wheel"');
      expect(within("[role=listbox][aria-label=Concepts]").hidden).toBe(true);
      expect(within("[role=status]").textContent).toBe("2 of 10 units");
    });

    it("complete the last alternative, by a click too, and show names without what their category says", () => {
      const model = start();
      type("wheel, re");
      expect(offered()).toEqual(["redcolor2"]);
      all("[role=listbox][aria-label=Concepts] [role=option]")[0].dispatchEvent(
        new Event("pointerdown", { bubbles: true, cancelable: true }),
      );
      expect(model.get("query")).toBe('wheel, "red-c"');
    });

    it("close by Escape before the field is emptied", () => {
      const model = start();
      const field = type("car");
      press(field, "Escape");
      expect(within("[role=listbox][aria-label=Concepts]").hidden).toBe(true);
      expect(model.get("query")).toBe("car");
      press(field, "Escape");
      expect(model.get("query")).toBe("");
    });

    it("are those of what is shown: below the cut, other concepts", () => {
      start({ only: "unlabelled" });
      type("c");
      expect(offered()).toEqual(["redcolor2"]);
    });
  });
});

describe("CSV", () => {
  it("has a row for each unit, full names in quotes, numbers as they are", () => {
    const units = table();
    expect(csvOf([3, 4].map((unit) => ({ table: units, unit }))).split("\r\n")).toEqual([
      '"result","layer","unit","label","category","iou","second_label","second_iou","threshold","images"',
      '"layer4","layer4",3,"red-c","color",0.04,"",,1,"6 0"',
      '"layer4","layer4",4,"","",0,"",,1,"1 2"',
      "",
    ]);
  });

  it("runs no formula, ends no cell early, and says what the images were", () => {
    const concepts = [
      [3, '=1+"x"\n', "object"],
      [7, " +2", "part"],
      [9, "\t@a", "color"],
      [12, "＝x", "object"],
      [20, "a,b", "part"],
    ];
    const units = table({ concepts, warning: "Probed with drawings" });
    const text = csvOf([0, 1, 3, 6, 7].map((unit) => ({ table: units, unit })));
    for (const name of [`"'=1+""x""\n"`, `"' +2"`, `"'\t@a"`, `"'＝x"`, `"a,b"`])
      expect(text).toContain(`,${name},`);
    expect(text.match(/"Probed with drawings"/g)?.length).toBe(5);
  });
});
