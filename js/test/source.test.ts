import { afterEach, describe, expect, it, vi } from "vitest";
import { Library, unpackMaps } from "../src/data/library";
import { KernelSource, Problem } from "../src/data/source";
import { FakeModel, table } from "./parts";

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
    expect(source.late.value).toBe(true);
    answerLast(model, { kind: "unit", ranking: [] });
    await answer;
    expect(source.late.value).toBe(false);
  });

  it("leaves no listener behind", () => {
    const model = new FakeModel();
    const source = new KernelSource(model);
    source.dispose();
    expect(model.listeners).toBe(0);
  });
});

describe("library", () => {
  const wanted = (units: number[]) => units.map((unit) => ({ table: table(), unit }));
  const mapsFor = (units: number[]) => ({
    reply: {
      kind: "maps",
      units,
      sizes: units.flatMap(() => [
        [1, 2],
        [1, 2],
      ]),
      grids: units.flatMap(() => [
        [1, 4],
        [1, 4],
      ]),
    },
    buffer: new DataView(Float32Array.from(units.flatMap((unit) => [unit, 1, 2, 3])).buffer),
  });
  const settled = () => new Promise((resolve) => setTimeout(resolve, 60));

  it("asks for each distinct photograph once, and for what is in view only", async () => {
    const model = new FakeModel();
    const library = new Library(new KernelSource(model));
    library.want({}, wanted([9]));
    const view = {};
    library.want(view, wanted([0, 1, 2, 3])); // scrolled on before anything was asked
    await settled();
    const pictures = model.sent.filter(({ kind }) => kind === "pictures");
    const asked = pictures.flatMap(({ images }) => images as number[]);
    expect(new Set(asked).size).toBe(asked.length);
    for (const request of [...model.sent]) {
      if (request.kind === "maps") {
        const { reply, buffer } = mapsFor(request.units as number[]);
        model.fire("msg:custom", { ...reply, id: request.id }, [buffer]);
      } else {
        const images = request.images as number[];
        const reply = {
          kind: "pictures",
          images,
          types: images.map(() => "image/jpeg"),
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
    library.want(view, wanted([0, 1, 2, 3]));
    await settled();
    const again = model.sent
      .filter(({ kind }) => kind === "pictures")
      .flatMap(({ images }) => images as number[]);
    expect(again).toEqual(asked);
    expect([...(library.field(table(), 1, 0)?.values ?? [])]).toEqual([1, 1, 1, 1]);
    expect([...(library.field(table(), 2, 0)?.values ?? [])]).toEqual([2, 1.75, 1.25, 1]);
  });

  it("stops at an error, shows it, and goes on when told to", async () => {
    const model = new FakeModel();
    const library = new Library(new KernelSource(model));
    library.want({}, wanted([0]));
    await settled();
    for (const { id } of [...model.sent])
      model.fire("msg:custom", { kind: "error", id, error: "gone", hint: "look" }, []);
    await settled();
    expect(library.problem.value?.message).toBe("gone");
    const before = model.sent.length;
    library.retry();
    await settled();
    expect(model.sent.length).toBeGreaterThan(before);
  });

  it("asks for no photographs where there are none", async () => {
    const model = new FakeModel();
    const library = new Library(new KernelSource(model));
    library.want({}, [{ table: table({ note: "not at hand" }), unit: 0 }]);
    await settled();
    expect(model.sent.map(({ kind }) => kind)).toEqual(["maps"]);
  });

  it("cuts one buffer into the maps of each unit", () => {
    const { reply, buffer } = mapsFor([7, 5]);
    const units = unpackMaps({ ...reply, id: "" } as never, buffer, 2);
    expect([...(units.get(5)?.maps[0].values ?? [])]).toEqual([5, 1]);
    expect(units.get(7)).toMatchObject({ low: 1, high: 7 });
  });
});
