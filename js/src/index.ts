import { imageCacheOf } from "./data/image-cache";
import { type Channel, KernelSource } from "./data/source";
import { maskOf, upsample } from "./draw/upsample";
import { mount } from "./mount";
import type { Hello } from "./protocol";
import type { Model } from "./state/model";
import { AllUnits } from "./view/all-units";

type Widget = Model & Channel;

/** What anywidget asks for, once per model: its views share one source, so each image comes once. */
export default () => {
  let source: KernelSource | undefined;
  const start = (model: Widget) => {
    source ??= new KernelSource(model);
    imageCacheOf(source); // keeps what comes before a view asks
    return source;
  };
  return {
    initialize({ model }: { model: Widget }) {
      start(model);
      return () => source?.dispose();
    },
    render({ model, el }: { model: Widget; el: HTMLElement }) {
      try {
        model.send({ kind: "hello" } satisfies Hello); // so that the kernel knows that a page shows it
      } catch {} // without a kernel the numbers can still be looked at
      return mount(el, model, start(model), false, { allUnits: (context) => new AllUnits(context) });
    },
  };
};

export { maskOf, mount, upsample };
