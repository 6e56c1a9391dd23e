import { type Channel, KernelSource } from "./data/source";
import { maskOf, upsample } from "./draw/upsample";
import { mount } from "./mount";
import type { Model } from "./state";

type Widget = Model & Channel;

/** What anywidget asks for, once per model: its views share one source, so each photograph comes once. */
export default () => {
  let source: KernelSource | undefined;
  return {
    initialize({ model }: { model: Widget }) {
      source = new KernelSource(model);
      return () => source?.dispose();
    },
    render({ model, el }: { model: Widget; el: HTMLElement }) {
      source ??= new KernelSource(model);
      return mount(el, model, source);
    },
  };
};

export { maskOf, mount, upsample };
