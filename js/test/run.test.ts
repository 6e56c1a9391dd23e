import { afterEach, beforeEach, expect, it, vi } from "vitest";
import run from "../src/run";
import { FakeModel } from "./parts";

const STATE = {
  title: "conv5 of Net",
  state: "running",
  doing: "running the network",
  figures: "64 of 560 images · 80 images/s · 6 s left",
  share: 0.114,
  hint: "",
  notice: "",
  cancellable: true,
  cancel: 0,
};

let host: HTMLElement;
let model: FakeModel;
let end: () => void;

const find = <E extends HTMLElement>(selector: string) => host.shadowRoot?.querySelector<E>(selector) as E;
const text = (selector: string) => find(selector).textContent;

function show(state: Record<string, unknown> = {}) {
  model = new FakeModel({ ...STATE, ...state });
  end = run.render({ model, el: host });
}

beforeEach(() => {
  vi.useFakeTimers();
  host = document.createElement("div");
  document.body.append(host);
});
afterEach(() => {
  end();
  host.remove();
  vi.useRealTimers();
});

it("says what is done and how far it is, as text", () => {
  show({ title: "<b>conv5</b>" });
  expect(text(".title")).toBe("<b>conv5</b>");
  expect(text(".progress")).toBe("running the network 64 of 560 images · 80 images/s · 6 s left");
  const bar = find(".bar");
  expect(bar.getAttribute("aria-valuenow")).toBe("11");
  expect(bar.getAttribute("aria-valuetext")).toBe(STATE.figures);
  expect(find(".hint").hidden && find(".notice").hidden).toBe(true);
});

it("has a button only where a click is heard, and while the run goes on", () => {
  show({ cancellable: false, hint: "the notebook’s ■ stops it and keeps what was seen" });
  expect(find("button").hidden).toBe(true);
  expect(find(".hint").hidden).toBe(false);
  model.set("cancellable", true);
  expect(find("button").hidden).toBe(false);
  for (const state of ["done", "stopped", "failed"]) {
    model.set("state", state);
    expect(find("button").hidden && find(".bar").hidden && find(".hint").hidden).toBe(true);
    expect(find(".run").dataset.state).toBe(state);
    expect(text(".figures")).toBe("");
  }
});

it("asks to stop once, then to stop the counting as well", () => {
  show();
  const button = find<HTMLButtonElement>("button");
  button.click();
  expect([model.get("cancel"), model.saves]).toEqual([1, 1]);
  expect(text(".doing")).toBe("stopping after this batch…");
  expect(button.disabled).toBe(true);
  model.set("share", 0.2); // a report that was on its way
  expect(text(".doing")).toBe("stopping after this batch…");
  model.set("doing", "counting pixels of what was seen");
  expect([text(".doing"), text("button"), button.disabled]).toEqual([
    "counting pixels of what was seen",
    "Stop counting, too",
    false,
  ]);
  button.click();
  expect([model.get("cancel"), button.disabled]).toEqual([2, true]);
});

it("tells a screen reader seldom how far it is, and at once how it ends", () => {
  show();
  const first = text(".announcement");
  for (let second = 0; second < 9; second++) {
    vi.advanceTimersByTime(1000);
    model.set("figures", `${second} images`);
    expect(text(".announcement")).toBe(first);
  }
  vi.advanceTimersByTime(2000);
  model.set("figures", "99 images");
  expect(text(".announcement")).toBe("conv5 of Net running the network 99 images");
  model.set("doing", "560 images in 6.4 s");
  model.set("state", "done");
  expect(text(".announcement")).toBe("conv5 of Net 560 images in 6.4 s ");
});

it("says that the kernel is gone, unless it speaks again or the run had ended", () => {
  show();
  model.fire("comm_live_update");
  expect(text(".doing")).toBe("the kernel is gone, and this run with it");
  expect(find("button").hidden && find(".bar").hidden).toBe(true);
  model.set("share", 0.3);
  expect(text(".doing")).toBe("running the network");
  model.set("doing", "560 images in 6.4 s");
  model.set("state", "done");
  model.fire("comm_live_update");
  expect(text(".doing")).toBe("560 images in 6.4 s");
});

it("leaves nothing behind", () => {
  show();
  end();
  expect(host.shadowRoot?.childNodes.length).toBe(0);
  expect(model.listeners).toBe(0);
});
