import { type Channel, KernelSource } from "./data/source";
import { maskOf, upsample } from "./draw/upsample";
import type { Hello } from "./messages";
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
      try {
        model.send({ kind: "hello" } satisfies Hello); // so that the kernel knows that a page shows it
      } catch {} // without a kernel the numbers can still be looked at
      return mount(el, model, source);
    },
  };
};

export { maskOf, mount, upsample };
