import { afterEach, beforeEach } from "vitest";
import type { Context } from "../src/context";
import { ImageCache } from "../src/data/image-cache";
import { KernelSource } from "../src/data/source";
import { mount } from "../src/mount";
import { State } from "../src/state/state";
import { FakeModel } from "./parts";

/** A page with room for one gallery, a new one for every test of the `describe` that asks for it. */
export function pageOfGallery() {
  const page = {
    host: document.createElement("div"),
    /** Ends what the test has started. */
    end: () => {},
    start(values: Record<string, unknown> = {}): FakeModel {
      const model = new FakeModel(values);
      const source = new KernelSource(model);
      const stop = mount(page.host, model, source);
      page.end = () => {
        stop();
        source.dispose();
      };
      return model;
    },
    within: <E extends Element = HTMLElement>(selector: string) =>
      page.host.shadowRoot?.querySelector<E>(selector) as E,
    all: (selector: string) => [...(page.host.shadowRoot?.querySelectorAll<HTMLElement>(selector) ?? [])],
    focused: () => page.host.shadowRoot?.activeElement as HTMLElement | null | undefined,
  };
  beforeEach(() => {
    page.host = document.createElement("div");
    document.body.append(page.host);
  });
  afterEach(() => {
    page.end();
    page.end = () => {};
    page.host.remove();
  });
  return page;
}

/** What a part of the gallery is given, and what ends it. */
export function contextOf(model: FakeModel, state = new State(model)): { context: Context; end: () => void } {
  const source = new KernelSource(model);
  const context: Context = {
    state,
    source,
    cache: new ImageCache(source),
    announce: () => {},
    say: () => {},
  };
  return {
    context,
    end: () => {
      state.dispose();
      source.dispose();
    },
  };
}
