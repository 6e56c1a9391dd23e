import filterCases from "../../tests/data/filter_cases.json";
import type { NumberArray } from "../src/data/arrays";
import { type Table, tableOf } from "../src/data/table";
import type { DissectionTable, WireArray } from "../src/protocol";
import { DEFAULTS } from "../src/state/gallery-state";

/** The cases that Python's filter is held to as well. */
export const cases = filterCases;

const DTYPES = new Map<unknown, string>([
  [Int32Array, "<i4"],
  [Float32Array, "<f4"],
  [Float64Array, "<f8"],
  [Uint8Array, "|u1"],
]);

/** An array as the kernel sends it. */
export const wire = (array: NumberArray, shape = [array.length]): WireArray => ({
  dtype: DTYPES.get(array.constructor) ?? "",
  shape,
  data: new DataView(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength),
});

/** A dissection as the kernel sends it, from best concepts and their IoUs. */
export function raw(options: Partial<Record<string, unknown>> = {}): DissectionTable {
  // biome-ignore lint/suspicious/noExplicitAny: parts of a table may be replaced by anything
  const table: any = { ...cases.table, ...options };
  const concepts: [number, string, string][] = table.concepts;
  const iou: number[][] = table.iou;
  const column = (at: number) => iou.map((row) => row[at]);
  const leaders = concepts.map((_, at) => column(at).indexOf(Math.max(...column(at))));
  const champions = iou.map((row) =>
    table.categories.map((category: string) => {
      const own = row.map((value, at) => (concepts[at][2] === category ? value : 0));
      return Math.max(...own) > 0 ? own.indexOf(Math.max(...own)) : -1;
    }),
  );
  return {
    key: table.key,
    photographs: table.key,
    data_set: table.data_set ?? "",
    layer: table.key,
    model: "Net",
    facts: "10 images",
    semantics: table.semantics,
    quantile: 0.005,
    warning: table.warning ?? "",
    note: table.note ?? "",
    provisional: table.provisional ?? "",
    explains: table.explains ?? false,
    categories: table.categories,
    field: [],
    names: concepts.map((concept) => concept[1]),
    numbers: concepts.map((concept) => concept[0]),
    limits: [{ concept: 2, coverage: 0.3, reason: "covers 30 % of the pixels" }],
    units: iou.length,
    top: 2,
    category_of: wire(Int32Array.from(concepts, (concept) => table.categories.indexOf(concept[2]))),
    ceilings: wire(Float64Array.from([1, 1, 0.03, 1, 1])),
    best: wire(Int32Array.from(table.best)),
    best_iou: wire(Float64Array.from(table.best_iou)),
    second: wire(new Int32Array(iou.length).fill(-1)),
    second_iou: wire(new Float64Array(iou.length)),
    champions: wire(Int32Array.from(champions.flat())),
    champion_iou: wire(
      Float64Array.from(
        champions.flatMap((row, unit) => row.map((at: number) => (at < 0 ? 0 : iou[unit][at]))),
      ),
    ),
    leaders: wire(Int32Array.from(leaders)),
    leader_iou: wire(Float64Array.from(concepts, (_, at) => Math.max(...column(at)))),
    thresholds: wire(new Float32Array(iou.length).fill(1)),
    strongest: wire(Float32Array.from(table.strongest, (value: number | null) => value ?? Number.NaN)),
    silent: wire(Int32Array.from(table.silent ?? new Array(iou.length).fill(0))),
    top_images: wire(
      Int32Array.from(table.top_images ?? Array.from({ length: iou.length * 2 }, (_, at) => at % 7)),
    ),
  };
}

export const table = (options: Partial<Record<string, unknown>> = {}): Table => tableOf(raw(options));

/** A widget model without a kernel. */
export class FakeModel {
  readonly sent: Record<string, unknown>[] = [];
  saves = 0;
  private readonly handlers = new Map<string, Set<(...values: never[]) => void>>();

  constructor(private readonly values: Record<string, unknown> = {}) {
    this.values = {
      _tables: [raw()],
      _several: false,
      _whole: "d",
      _names: ["d"],
      _style: "",
      ...DEFAULTS,
      current: "layer4",
      ...values,
    };
  }

  get = (name: string): unknown => this.values[name];
  set = (name: string, value: unknown): void => {
    this.values[name] = value;
    this.fire(`change:${name}`);
  };
  save_changes = (): void => {
    this.saves++;
  };
  on = (event: string, handler: (...values: never[]) => void): void => {
    this.handlers.set(event, (this.handlers.get(event) ?? new Set()).add(handler));
  };
  off = (event: string, handler: (...values: never[]) => void): void => {
    this.handlers.get(event)?.delete(handler);
  };
  send = (content: unknown): void => {
    this.sent.push(content as Record<string, unknown>);
  };
  fire(event: string, ...values: unknown[]): void {
    for (const handler of [...(this.handlers.get(event) ?? [])]) handler(...(values as never[]));
  }
  get listeners(): number {
    return [...this.handlers.values()].reduce((sum, handlers) => sum + handlers.size, 0);
  }
}
