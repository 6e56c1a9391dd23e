import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Scope } from "../src/scope";
import { State } from "../src/state/state";
import { follow, stepTo } from "../src/state/trail";
import { lightbox } from "../src/view/lightbox";
import { placeBeside } from "../src/view/preview";
import { contextOf } from "./page";
import { FakeModel, raw } from "./parts";

// Six units, two images each: units 0, 2 and 5 share image 3.
const IMAGES = [3, 4, 1, 2, 9, 3, 5, 6, 7, 8, 3, 0];
const values = () => ({ _tables: [raw({ top_images: IMAGES })], only: "detectors", query: "" });

let state: State;
let model: FakeModel;

beforeEach(() => {
  model = new FakeModel(values());
  state = new State(model);
});
afterEach(() => state.dispose());

describe("from unit to unit", () => {
  it("opens one that is filtered away, and comes back to filters and unit as they were", () => {
    const { synced } = state;
    const table = state.table.value;
    const hidden = [...table.best.keys()].find((unit) => !state.shown.value.includes(unit)) as number;
    synced.query.value = table.names[table.best[0]];
    synced.opened.value = "layer4:0";
    follow(state, table, hidden);
    expect(synced.opened.value).toBe(`layer4:${hidden}`);
    expect(state.shown.value).toEqual(expect.arrayContaining([0, hidden]));
    expect(state.guest.value).toBe(hidden);
    expect([synced.query.value, synced.only.value]).toEqual([table.names[table.best[0]], "detectors"]);
    expect(stepTo(state, "layer4:0")).toBeNull();
    const step = stepTo(state, `layer4:${hidden}`);
    expect(step?.from).toBe("layer4:0");
    step?.back();
    expect(synced.opened.value).toBe("layer4:0");
    expect([synced.query.value, synced.only.value]).toEqual([table.names[table.best[0]], "detectors"]);
    expect(state.local.trail.value).toEqual([]);
  });

  it("shows one that is filtered away until it is closed, or the filters change", () => {
    const { synced } = state;
    const passing = state.shown.value;
    const hidden = [...state.table.value.best.keys()].find((unit) => !passing.includes(unit)) as number;
    follow(state, state.table.value, hidden);
    expect(state.shown.value).toHaveLength(passing.length + 1);
    synced.opened.value = "";
    expect(state.shown.value).toEqual(passing);
    follow(state, state.table.value, hidden);
    synced.cut.value = 0.05;
    expect([state.guest.value, state.shown.value.includes(hidden)]).toEqual([null, false]);
  });

  it("comes back to one that is filtered away", () => {
    const [hidden] = [...state.table.value.best.keys()].filter((unit) => !state.shown.value.includes(unit));
    follow(state, state.table.value, hidden);
    follow(state, state.table.value, 0);
    expect(state.guest.value).toBeNull();
    stepTo(state, "layer4:0")?.back();
    expect([state.synced.opened.value, state.guest.value]).toEqual([`layer4:${hidden}`, hidden]);
  });

  it("leaves the filters alone where the unit passes them", () => {
    const [first, second] = state.shown.value;
    state.synced.sort.value = "unit";
    state.synced.opened.value = `layer4:${first}`;
    follow(state, state.table.value, second);
    expect([state.synced.only.value, state.synced.opened.value]).toEqual(["detectors", `layer4:${second}`]);
  });

  it("comes back to the image that was looked at", () => {
    const look = { key: "layer4", unit: 0, rank: 1 };
    state.local.looked.value = look;
    follow(state, state.table.value, 2, look);
    expect(state.local.looked.value).toBeNull();
    stepTo(state, "layer4:2")?.back();
    expect(state.local.looked.value).toEqual(look);
  });
});

describe("lightbox", () => {
  let dialog: HTMLDialogElement;
  let scope: Scope;
  const key = (name: string) => dialog.dispatchEvent(new KeyboardEvent("keydown", { key: name }));
  const texts = (selector: string) =>
    [...dialog.querySelectorAll(selector)].map((one) => one.textContent?.trim());

  beforeEach(() => {
    const { context, end } = contextOf(model, state);
    scope = new Scope();
    scope.onCleanup(end);
    const host = document.createElement("div");
    host.attachShadow({ mode: "open" });
    document.body.append(host);
    scope.onCleanup(() => host.remove());
    dialog = lightbox(context, scope) as HTMLDialogElement;
    host.shadowRoot?.append(dialog);
    state.local.looked.value = { key: "layer4", unit: 0, rank: 0 };
  });
  afterEach(() => scope.dispose());

  it("goes from image to image with the arrows, and stays at the ends", () => {
    expect(dialog.open).toBe(true);
    const ranks = ["ArrowRight", "ArrowRight", "ArrowLeft", "Home", "ArrowLeft", "End"].map((name) => {
      key(name);
      return state.local.looked.value?.rank;
    });
    expect(ranks).toEqual([1, 1, 0, 0, 0, 1]);
    expect(texts(".caption")).toEqual(["#4 · image 2 of 2"]);
  });

  it("lists the units that fire on the image, shows one of them, and goes back", () => {
    expect(texts(".unit-link .kind:last-child")).toEqual(["1st", "1st", "2nd"]);
    dialog.querySelectorAll<HTMLElement>(".unit-link")[2].click();
    expect(state.local.looked.value).toEqual({ key: "layer4", unit: 2, rank: 1 });
    expect(dialog.querySelector("[aria-current]")?.textContent).toContain("unit 2");
    key("Backspace");
    expect(state.local.looked.value).toEqual({ key: "layer4", unit: 0, rank: 0 });
  });

  it("opens the unit that it shows, and closes", () => {
    dialog.querySelectorAll<HTMLElement>(".unit-link")[2].click();
    dialog.querySelector<HTMLElement>("h2 button")?.click();
    expect(state.synced.opened.value).toBe("layer4:2");
    expect(dialog.open).toBe(false);
    stepTo(state, "layer4:2")?.back();
    expect(state.local.looked.value).toEqual({ key: "layer4", unit: 0, rank: 0 });
    expect(dialog.open).toBe(true);
  });

  it("forgets what it shows when it is closed", () => {
    dialog.close();
    expect(state.local.looked.value).toBeNull();
  });
});

describe("preview", () => {
  const size = { width: 332, height: 360 };
  const screen = { width: 1280, height: 720 };
  const thumb = (left: number, top: number) => ({ left, top, right: left + 96, bottom: top + 96 });

  it("stands above or below what it shows, or beside it where neither has room", () => {
    expect(placeBeside(thumb(600, 400), size, screen)).toEqual({ left: 482, top: 32 });
    expect(placeBeside(thumb(600, 100), size, screen)).toEqual({ left: 482, top: 204 });
    expect(placeBeside(thumb(600, 300), size, screen)).toEqual({ left: 704, top: 300 });
    expect(placeBeside(thumb(1180, 300), size, screen)).toEqual({ left: 840, top: 300 });
  });

  it("stays inside the window", () => {
    expect(placeBeside(thumb(2, 400), size, screen).left).toBe(8);
    expect(placeBeside(thumb(1190, 400), size, screen).left).toBe(1280 - 332 - 8);
  });
});
