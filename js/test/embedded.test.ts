import { describe, expect, it } from "vitest";
import { isWireArray } from "../src/data/arrays";
import { decoded, inflated } from "../src/data/decode";
import { EmbeddedModel, unpack } from "../src/data/embedded";
import { tableOf } from "../src/data/table";
import type { DissectionTable, EmbeddedGallery, WireArray } from "../src/protocol";
import { DEFAULTS } from "../src/state/gallery-state";
import { raw, wire } from "./parts";

const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));
const packed = async (...arrays: ArrayBufferView[]): Promise<string> => {
  const stream = new Blob(arrays.map((one) => bytes(one) as Uint8Array<ArrayBuffer>)).stream();
  const deflated = stream.pipeThrough(new CompressionStream("deflate"));
  return base64(new Uint8Array(await new Response(deflated).arrayBuffer()));
};
const bytes = (one: ArrayBufferView): Uint8Array =>
  new Uint8Array(one.buffer as ArrayBuffer, one.byteOffset, one.byteLength);

/** A page that carries the images of units 2 and 0, in this order, and no more. */
async function page(): Promise<EmbeddedGallery> {
  const table = raw() as unknown as Record<string, unknown>;
  const units = table.units as number;
  const arrays = Object.entries(table).filter((entry): entry is [string, WireArray] => isWireArray(entry[1]));
  const images = new Int32Array(units * 2).fill(-1);
  images.set([5, 6], 4);
  images.set([4, 5], 0);
  const parts: [string, WireArray][] = [
    ...arrays.filter(([name]) => name !== "top_images"),
    ["top_images", wire(images, [units, 2])],
    ["ranked_counts", wire(Int32Array.from({ length: units }, (_, unit) => (unit < 2 ? 2 - unit : 0)))],
    ["ranked", wire(Int32Array.of(3, 1, 2))],
    [
      "ranked_values",
      wire(
        Float64Array.of(
          0.5,
          10,
          20,
          30,
          0.9,
          0.25,
          1,
          2,
          3,
          0.5,
          0.1,
          Number.NaN,
          Number.NaN,
          Number.NaN,
          Number.NaN,
        ),
        [3, 5],
      ),
    ],
    ["mapped", wire(Int32Array.of(2, 0))],
    ["sizes", wire(Int32Array.of(1, 2, 2, 1, 1, 1, 0, 0))],
    ["grids", wire(Int32Array.of(4, 4, 4, 4, 3, 3, 0, 0))],
    ["peaks", wire(Float32Array.of(2.5, 4, 5, Number.NaN))],
    ["pairs", wire(Int32Array.of(5, 1, 1, 9, 6, 1, 1, 2))],
    ["carried", wire(Int32Array.of(1, 0))],
  ];
  return {
    version: 2,
    style: "",
    several: false,
    state: { ...DEFAULTS, current: "layer4", _chosen: [2, 0], overlay: "heat" },
    remark: "",
    dissections: [
      {
        table: Object.fromEntries(
          Object.entries(table).filter(([, value]) => !isWireArray(value)),
        ) as unknown as DissectionTable,
        album: 0,
        parts: parts.map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
        numbers: await packed(...parts.map(([, { data }]) => data)),
        maps: await packed(Float32Array.of(1, 2.5, 3, 4, 5)),
        masks: await packed(Uint8Array.of(0b10000000, 0b10000000, 0b01000000)),
        evidence: ["car or truck (90 %), IoU 0.120 to 0.240 on 31 images"],
      },
    ],
    albums: [
      {
        type: "image/webp",
        images: [5, 6],
        scenes: ["street", ""],
        bytes: [4, 2],
        text: base64(Uint8Array.of(1, 2, 3, 4, 0, 0, 7, 8, 0)),
      },
    ],
  };
}

describe("embedded data", () => {
  it("is decoded in whole or in part", async () => {
    expect([...decoded(btoa("abcdef"))]).toEqual([97, 98, 99, 100, 101, 102]);
    expect([...decoded(btoa("abcdef"), 3, 2)]).toEqual([100, 101]);
    expect([...new Uint8Array(await inflated(await packed(Uint8Array.of(7, 8))))]).toEqual([7, 8]);
  });

  it("gives the table that a kernel gives", async () => {
    const { model } = await unpack(await page());
    const [table] = (model.get("_tables") as DissectionTable[]).map(tableOf);
    expect([...table.best_iou]).toEqual([...tableOf(raw()).best_iou]);
    expect([...table.top_images.subarray(0, 6)]).toEqual([4, 5, -1, -1, 5, 6]);
  });

  it("begins as the gallery stood", async () => {
    const { model } = await unpack(await page(), "summary-1");
    expect(["_chosen", "overlay", "stands_for"].map((name) => model.get(name))).toEqual([
      [2, 0],
      "heat",
      "summary-1",
    ]);
  });

  it("answers for maps in the order asked for, bit for bit, and for units that were left out", async () => {
    const { source } = await unpack(await page());
    const { reply, buffers } = await source.ask<"maps">({ kind: "maps", key: "layer4", units: [1, 0, 2] });
    expect(reply).toMatchObject({
      units: [1, 0, 2],
      sizes: [
        [0, 0],
        [0, 0],
        [1, 1],
        [0, 0],
        [1, 2],
        [2, 1],
      ],
      grids: [
        [0, 0],
        [0, 0],
        [3, 3],
        [0, 0],
        [4, 4],
        [4, 4],
      ],
    });
    const floats = (view: DataView) => [...new Float32Array(view.buffer)];
    expect(floats(buffers[0])).toEqual([5, 1, 2.5, 3, 4]);
    expect(floats(buffers[1])).toEqual([Number.NaN, Number.NaN, 5, Number.NaN, 2.5, 4]);
  });

  it("answers for images, and says which aren't there", async () => {
    const { source } = await unpack(await page());
    const { reply, buffers } = await source.ask<"pictures">({
      kind: "pictures",
      key: "layer4",
      images: [6, 9, 5],
    });
    expect(reply.types).toEqual(["image/webp", "", "image/webp"]);
    expect(reply.problems).toEqual(["", "Image 9 is not in this page.", ""]);
    expect(reply.scenes).toEqual(["", "", "street"]);
    expect(buffers.map((one) => [...bytes(one)])).toEqual([[7, 8], [], [1, 2, 3, 4]]);
  });

  it("has no larger image than those it shows", async () => {
    const { source } = await unpack(await page());
    const ask = (image: number) => source.ask<"photograph">({ kind: "photograph", key: "layer4", image });
    const { reply, buffers } = await ask(5);
    expect(reply.type).toBe("image/webp");
    expect([...bytes(buffers[0])]).toEqual([1, 2, 3, 4]);
    await expect(ask(9)).rejects.toThrow("Image 9 is not in this page.");
  });

  it("answers for the pixels of the unit's label, and for no other concept", async () => {
    const { source } = await unpack(await page());
    expect(source.explains("layer4", 2, 1)).toBe(true);
    expect(source.explains("layer4", 2, 0)).toBe(false);
    expect(source.explains("layer4", 1, 1)).toBe(false);
    const { reply, buffers } = await source.ask<"labels">({
      kind: "labels",
      key: "layer4",
      unit: 2,
      concept: 1,
    });
    expect(reply).toMatchObject({
      grids: [
        [1, 9],
        [1, 2],
      ],
      carries: [true, false],
    });
    expect([...bytes(buffers[0])]).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
    await expect(
      source.ask<"labels">({ kind: "labels", key: "layer4", unit: 2, concept: 0 }),
    ).rejects.toThrow("only where the units' best ones are");
  });

  it("answers for rankings; what isn't known is null", async () => {
    const { source } = await unpack(await page());
    const ranking = async (unit: number) =>
      (await source.ask<"unit">({ kind: "unit", key: "layer4", unit })).reply.ranking;
    expect(await ranking(0)).toEqual([
      { concept: 3, iou: 0.5, intersection: 10, activation: 20, truth: 30, ceiling: 0.9 },
      { concept: 1, iou: 0.25, intersection: 1, activation: 2, truth: 3, ceiling: 0.5 },
    ]);
    expect(await ranking(1)).toEqual([
      { concept: 2, iou: 0.1, intersection: null, activation: null, truth: null, ceiling: null },
    ]);
    expect(await ranking(2)).toEqual([]);
  });

  it("says how sure a label is, where that is known", async () => {
    const { source } = await unpack(await page());
    const evidence = async (unit: number) =>
      (await source.ask<"unit">({ kind: "unit", key: "layer4", unit })).reply.evidence;
    expect(await evidence(0)).toBe("car or truck (90 %), IoU 0.120 to 0.240 on 31 images");
    expect(await evidence(1)).toBe("");
  });

  it("refuses what it doesn't know", async () => {
    const { source } = await unpack(await page());
    await expect(source.ask<"unit">({ kind: "unit", key: "other", unit: 0 })).rejects.toThrow(
      "no dissection other",
    );
    await expect(unpack({ ...(await page()), version: 1 })).rejects.toThrow("version 1");
  });
});

describe("model of a page", () => {
  it("tells those who listen, until they don't", () => {
    const model = new EmbeddedModel({ query: "" });
    const seen: unknown[] = [];
    const listen = () => seen.push(model.get("query"));
    model.on("change:query", listen);
    model.set("query", "car");
    model.off("change:query", listen);
    model.set("query", "");
    model.save_changes();
    expect(seen).toEqual(["car"]);
  });
});
