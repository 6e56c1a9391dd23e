import { afterEach, describe, expect, it, vi } from "vitest";
import { ImageCache } from "../src/data/image-cache";
import { KernelSource, Problem } from "../src/data/source";
import { unpackMaps } from "../src/data/unit-maps";
import { cases, FakeModel, table } from "./parts";

const answerLast = (model: FakeModel, reply: object, buffers: DataView[] = []) =>
  model.fire("msg:custom", { ...reply, id: model.sent.at(-1)?.id }, buffers);

afterEach(() => {
  vi.useRealTimers();
});

describe("kernel source", () => {
  it("matches a reply to its request by the id", async () => {
    const model = new FakeModel();
    const source = new KernelSource(model);
    const first = source.ask<"unit">({ kind: "unit", key: "layer4", unit: 1 });
    const second = source.ask<"unit">({ kind: "unit", key: "layer4", unit: 2 });
    answerLast(model, { kind: "unit", ranking: ["second"] });
    model.fire("msg:custom", { kind: "unit", id: model.sent[0].id, ranking: ["first"] }, []);
    expect((await first).reply.ranking).toEqual(["first"]);
    expect((await second).reply.ranking).toEqual(["second"]);
  });

  it("turns an error reply into a problem with a hint", async () => {
    const model = new FakeModel();
    const answer = new KernelSource(model).ask<"unit">({ kind: "unit", key: "x", unit: 1 });
    answerLast(model, { kind: "error", error: "no such thing", hint: "do this" });
    await expect(answer).rejects.toMatchObject({ message: "no such thing", hint: "do this" });
  });

  it("says when the kernel can't be reached at all", async () => {
    const model = new FakeModel();
    model.send = () => {
      throw new Error("comm closed");
    };
    const answer = new KernelSource(model).ask<"unit">({ kind: "unit", key: "x", unit: 1 });
    await expect(answer).rejects.toBeInstanceOf(Problem);
  });

  it("ignores replies to another page", () => {
    const model = new FakeModel();
    new KernelSource(model);
    model.fire("msg:custom", { kind: "unit", id: "somebody else's" }, []);
    model.fire("msg:custom", null, []);
  });

  it("notices that an answer is overdue, and that it came after all", async () => {
    vi.useFakeTimers();
    const model = new FakeModel();
    const source = new KernelSource(model);
    const answer = source.ask<"unit">({ kind: "unit", key: "layer4", unit: 1 });
    vi.advanceTimersByTime(4000);
    expect(source.overdue.value).toBe(true);
    answerLast(model, { kind: "unit", ranking: [] });
    await answer;
    expect(source.overdue.value).toBe(false);
  });

  it("leaves no listener behind", () => {
    const model = new FakeModel();
    const source = new KernelSource(model);
    source.dispose();
    expect(model.listeners).toBe(0);
  });
});

describe("cache", () => {
  const inView = (units: number[]) => units.map((unit) => ({ table: table(), unit }));
  const mapsFor = (units: number[]) => ({
    reply: {
      kind: "maps",
      units,
      images: units.flatMap((unit) => [(unit * 2) % 7, (unit * 2 + 1) % 7]),
      sizes: units.flatMap(() => [
        [1, 2],
        [1, 2],
      ]),
      grids: units.flatMap(() => [
        [1, 4],
        [1, 4],
      ]),
      problems: units.flatMap(() => ["", ""]),
    },
    buffers: [
      units.flatMap((unit) => [unit, 1, 2, 3]),
      units.flatMap(() => [Number.NaN, 3]), // the peaks
    ].map((values) => new DataView(Float32Array.from(values).buffer)),
  });
  const settled = () => new Promise((resolve) => setTimeout(resolve, 60));

  it("asks for each distinct image once, and for what is in view only", async () => {
    const model = new FakeModel();
    const cache = new ImageCache(new KernelSource(model));
    cache.setInView({}, inView([9]));
    const view = {};
    cache.setInView(view, inView([0, 1, 2, 3])); // scrolled on before anything was asked
    await settled();
    const pictures = model.sent.filter(({ kind }) => kind === "pictures");
    const asked = pictures.flatMap(({ images }) => images as number[]);
    expect(new Set(asked).size).toBe(asked.length);
    for (const request of [...model.sent]) {
      if (request.kind === "maps") {
        const { reply, buffers } = mapsFor(request.units as number[]);
        model.fire("msg:custom", { ...reply, id: request.id }, buffers);
      } else {
        const images = request.images as number[];
        const reply = {
          kind: "pictures",
          images,
          types: images.map(() => "image/jpeg"),
          scenes: images.map(() => ""),
          problems: images.map(() => ""),
        };
        model.fire(
          "msg:custom",
          { ...reply, id: request.id },
          images.map(() => new DataView(new ArrayBuffer(4))),
        );
      }
    }
    await settled();
    cache.setInView(view, inView([0, 1, 2, 3]));
    await settled();
    const again = model.sent
      .filter(({ kind }) => kind === "pictures")
      .flatMap(({ images }) => images as number[]);
    expect(again).toEqual(asked);
    expect([...(cache.field(table(), 1, 0)?.values ?? [])]).toEqual([1, 1, 1, 1]);
    expect([...(cache.field(table(), 2, 0)?.values ?? [])]).toEqual([2, 1.75, 1.25, 1]);
  });

  it("stops at an error, shows it, and goes on when told to", async () => {
    const model = new FakeModel();
    const cache = new ImageCache(new KernelSource(model));
    cache.setInView({}, inView([0]));
    await settled();
    for (const { id } of [...model.sent])
      model.fire("msg:custom", { kind: "error", id, error: "gone", hint: "look" }, []);
    await settled();
    expect(cache.problem.value?.message).toBe("gone");
    const before = model.sent.length;
    cache.retry();
    await settled();
    expect(model.sent.length).toBeGreaterThan(before);
  });

  const answer = (model: FakeModel, problems: (images: number[]) => string[]) => {
    for (const { id, kind, units, images } of model.sent.splice(0)) {
      const { reply, buffers } = mapsFor((units as number[]) ?? []);
      if (kind === "maps") model.fire("msg:custom", { ...reply, id }, buffers);
      else {
        const types = (images as number[]).map(() => "image/jpeg");
        const scenes = types.map(() => "");
        const parts = types.map(() => new DataView(new ArrayBuffer(4)));
        model.fire(
          "msg:custom",
          { kind, id, images, types, scenes, problems: problems(images as number[]) },
          parts,
        );
      }
    }
  };

  it("goes on where single images can't be read, and says why of each", async () => {
    const model = new FakeModel();
    const cache = new ImageCache(new KernelSource(model));
    cache.setInView({}, inView([0, 1]));
    await settled();
    answer(model, (images) => images.map((image) => (image === 1 ? "Image 1: torn" : "")));
    await settled();
    expect(cache.problem.value).toBeNull();
    expect(cache.problemOf(table(), 0, 1)).toBe("Image 1: torn");
    expect(cache.problemOf(table(), 0, 0)).toBe("");
    cache.setInView({}, inView([2]));
    await settled();
    expect(model.sent.length).toBeGreaterThan(0);
  });

  it("takes a map that can't be made as a problem of its image alone", async () => {
    const model = new FakeModel();
    const cache = new ImageCache(new KernelSource(model));
    cache.setInView({}, inView([0]));
    await settled();
    const { id } = model.sent.find(({ kind }) => kind === "maps") ?? {};
    const { reply, buffers } = mapsFor([0]);
    const torn = { problems: ["", "Image 1: torn"], sizes: [reply.sizes[0], [0, 0]] };
    model.fire("msg:custom", { ...reply, ...torn, id }, buffers);
    await settled();
    expect(cache.field(table(), 0, 0)?.width).toBe(4);
    expect(cache.field(table(), 0, 1)).toBeNull();
    expect(cache.problemOf(table(), 0, 1)).toBe("Image 1: torn");
  });

  it("shows a refusal and goes on with what else is wanted; a lost connection ends all asking", async () => {
    const model = new FakeModel();
    const cache = new ImageCache(new KernelSource(model));
    const view = {};
    cache.setInView(view, inView([0]));
    await settled();
    for (const { id } of model.sent.splice(0))
      model.fire("msg:custom", { kind: "error", id, error: "torn", hint: "" }, []);
    cache.setInView(view, inView([0, 1]));
    await settled();
    expect(cache.problem.value?.message).toBe("torn");
    expect(model.sent.filter(({ kind }) => kind === "maps").map(({ units }) => units)).toEqual([[1]]);
    answer(model, (images) => images.map(() => ""));
    const tries = vi.fn(() => {
      throw new Error("comm closed");
    });
    model.send = tries;
    cache.setInView(view, inView([2]));
    await settled();
    const asked = tries.mock.calls.length;
    cache.setInView(view, inView([3]));
    await settled();
    expect(tries.mock.calls.length).toBe(asked);
    cache.retry();
    await settled();
    expect(tries.mock.calls.length).toBeGreaterThan(asked);
  });

  it("asks for as many images as a strip shows, and for all of an opened unit", async () => {
    const model = new FakeModel();
    const cache = new ImageCache(new KernelSource(model));
    const asked = () => model.sent.splice(0).flatMap(({ images }) => (images as number[]) ?? []);
    cache.setInView({}, [{ table: table(), unit: 1, shown: 1 }]);
    await settled();
    expect(asked()).toEqual([2]);
    cache.setInView({}, [{ table: table(), unit: 1, all: true, shown: 1 }]);
    await settled();
    expect(asked()).toEqual([3]);
  });

  it("asks once for images that several results share", async () => {
    const model = new FakeModel();
    const cache = new ImageCache(new KernelSource(model));
    const other = { ...table({ key: "layer3" }), photographs: "layer4" };
    const view = {};
    cache.setInView(view, inView([0]));
    await settled();
    answer(model, (images) => images.map(() => ""));
    await settled();
    cache.setInView(view, [{ table: other, unit: 0 }]);
    await settled();
    expect(model.sent.map(({ kind }) => kind)).toEqual(["maps"]);
  });

  it("asks for no images where there are none", async () => {
    const model = new FakeModel();
    const cache = new ImageCache(new KernelSource(model));
    cache.setInView({}, [{ table: table({ note: "not at hand" }), unit: 0 }]);
    await settled();
    expect(model.sent.map(({ kind }) => kind)).toEqual(["maps"]);
  });

  /** The table of a newer result: unit 1 has other images. */
  const newer = (options = {}) => {
    const top_images = [...table().top_images];
    top_images[2] = 6;
    return table({ top_images, ...options });
  };

  it("asks anew for units whose images changed in a newer result, and keeps what it has", async () => {
    const model = new FakeModel();
    const cache = new ImageCache(new KernelSource(model));
    const view = {};
    cache.setInView(view, inView([0, 1, 3]));
    await settled();
    answer(model, (images) => images.map(() => ""));
    await settled();
    expect(cache.maps(newer(), 0)).toBe(cache.maps(table(), 0));
    expect(cache.maps(newer(), 1)).toBeUndefined();
    cache.setInView(
      view,
      [0, 1, 3].map((unit) => ({ table: newer(), unit })),
    );
    await settled();
    expect(model.sent.map(({ kind, units }) => [kind, units])).toEqual([["maps", [1]]]);
  });

  it("doesn't take the maps of another network for those of a newer result", async () => {
    const model = new FakeModel();
    const cache = new ImageCache(new KernelSource(model));
    cache.setInView({}, inView([0]));
    await settled();
    const { id } = model.sent.find(({ kind }) => kind === "maps") ?? {};
    const { reply, buffers } = mapsFor([0]);
    const [strongest] = table().strongest;
    const peaks = new DataView(Float32Array.of(strongest, 1).buffer);
    model.fire("msg:custom", { ...reply, id }, [buffers[0], peaks]);
    await settled();
    expect(cache.maps(table(), 0)).toBeDefined();
    const retrained = cases.table.strongest.map((value) => (value ?? 0) + 0.5);
    expect(cache.maps(table({ strongest: retrained }), 0)).toBeUndefined();
  });

  it("waits for the table of a newer result where its maps come first", async () => {
    const model = new FakeModel();
    const cache = new ImageCache(new KernelSource(model));
    const view = {};
    cache.setInView(view, inView([1]));
    await settled();
    for (const { id, kind, images } of model.sent.splice(0)) {
      const { reply, buffers } = mapsFor([1]);
      if (kind === "maps") model.fire("msg:custom", { ...reply, images: [6, 3], id }, buffers);
      else
        model.fire(
          "msg:custom",
          {
            kind,
            id,
            images,
            types: ["image/jpeg", "image/jpeg"],
            scenes: ["", "street"],
            problems: ["", ""],
          },
          [1, 2].map(() => new DataView(new ArrayBuffer(4))),
        );
    }
    await settled();
    expect(cache.maps(table(), 1)).toBeUndefined();
    expect(model.sent).toEqual([]); // and doesn't ask again and again
    expect(cache.maps(newer(), 1)).toBeDefined();
  });

  it("takes in what is pushed as if it had asked", async () => {
    const model = new FakeModel();
    const cache = new ImageCache(new KernelSource(model));
    const { reply, buffers } = mapsFor([0, 1]);
    const images = [...new Set(reply.images)];
    const pictures = {
      kind: "pictures",
      images,
      types: images.map(() => "image/jpeg"),
      scenes: images.map(() => ""),
      problems: images.map((image) => (image === 3 ? "Image 3: torn" : "")),
    };
    model.fire(
      "msg:custom",
      { kind: "strips", key: "layer4", photographs: "layer4", maps: reply, pictures },
      [...buffers, ...images.map(() => new DataView(new ArrayBuffer(4)))],
    );
    expect(cache.maps(table(), 1)?.images).toEqual([2, 3]);
    expect(cache.problemOf(table(), 1, 3)).toBe("Image 3: torn");
    cache.setInView({}, inView([0, 1]));
    await settled();
    expect(model.sent).toEqual([]);
  });

  it("asks for the images of a strip, and for all of an opened unit", async () => {
    const model = new FakeModel();
    const cache = new ImageCache(new KernelSource(model));
    const top_images = Array.from({ length: 10 * 12 }, (_, at) => at);
    const many = { ...table({ top_images }), top: 12 };
    const asked = () => model.sent.filter(({ kind }) => kind === "pictures").map(({ images }) => images);
    const view = {};
    cache.setInView(view, [{ table: many, unit: 0 }]);
    await settled();
    expect(asked()).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]);
    cache.setInView(view, [{ table: many, unit: 0, all: true }]);
    await settled();
    expect(asked()[1]).toEqual([10, 11]);
  });

  it("cuts one buffer into the maps of each unit", () => {
    const { reply, buffers } = mapsFor([7, 5]);
    const units = unpackMaps({ ...reply, id: "" } as never, buffers);
    expect([...(units.get(5)?.maps[0].values ?? [])]).toEqual([5, 1]);
    expect(units.get(7)).toMatchObject({ low: 1, high: 7 });
  });
});
