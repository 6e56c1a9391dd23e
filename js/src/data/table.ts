import type { DissectionTable, WireArray } from "../protocol";
import { decodeArray, isWireArray } from "./arrays";
import { shortName } from "./names";
import { Problem } from "./source";

/** A dissection with its arrays unpacked: what filters, counts and cards read. */
export interface Table extends Omit<DissectionTable, Arrays> {
  /** Names of the concepts as they are shown, beside their category. */
  names: string[];
  /** The same as they are in the data: what is searched, sorted by and exported. */
  fullNames: string[];
  category_of: Int32Array;
  ceilings: Float64Array;
  best: Int32Array;
  best_iou: Float64Array;
  second: Int32Array;
  second_iou: Float64Array;
  champions: Int32Array;
  champion_iou: Float64Array;
  leaders: Int32Array;
  leader_iou: Float64Array;
  thresholds: Float32Array;
  strongest: Float32Array;
  top_images: Int32Array;
  silent: Int32Array;
  /** Reason and coverage by concept, where its size limits it. */
  limitOf: Map<number, { coverage: number | null; reason: string }>;
}

type Arrays = {
  [K in keyof DissectionTable]: DissectionTable[K] extends WireArray ? K : never;
}[keyof DissectionTable];

/** Unpacks a dissection. */
export function tableOf(raw: DissectionTable): Table {
  if (Object.values(raw).some(hasLostItsBytes))
    throw new Problem(
      "The numbers of this gallery didn’t arrive: this notebook drops binary data.",
      "The gallery below does without, and so does a page: d.to_html(path).",
    );
  const values = Object.entries(raw).map(([name, value]) => [
    name,
    isWireArray(value) ? decodeArray(value) : value,
  ]);
  const limitOf = new Map(raw.limits.map((limit) => [limit.concept, limit]));
  const table: Table = { ...Object.fromEntries(values), fullNames: raw.names, limitOf };
  table.names = raw.names.map((name, concept) => shortName(name, categoryOf(table, concept)));
  return table;
}

/** Whether a value is an array that says what it holds, and holds nothing: Colab may drop a widget's bytes. */
const hasLostItsBytes = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  "dtype" in value &&
  !ArrayBuffer.isView((value as Partial<WireArray>).data);

/** The largest best IoU of a result. */
export const highest = ({ best_iou }: Table): number => best_iou.reduce((a, b) => Math.max(a, b), 0);

/** Name of the category of a concept. */
export const categoryOf = (table: Table, concept: number): string =>
  table.categories[table.category_of[concept]];

/** Whether a value is above the cut: NetDissect-Lite counts the cut itself, the paper does not. */
export const passes = (table: Table, value: number, cut: number): boolean =>
  table.semantics === "netdissect-lite" ? value >= cut : value > cut;

/** Whether a unit's best concept passes the cut. */
export const isDetector = (table: Table, unit: number, cut: number): boolean =>
  table.best[unit] >= 0 && passes(table, table.best_iou[unit], cut);

/** The cut in words, `> 0.04` or `≥ 0.04`, as the semantics of the result compares. */
export const cutText = (table: Table, cut: number): string =>
  `${table.semantics === "netdissect-lite" ? "≥" : ">"} ${+cut.toFixed(4)}`;

/** Indices into the data set of a unit's strongest images, strongest first; -1 = none. */
export const topImages = (table: Table, unit: number): Int32Array =>
  table.top_images.subarray(unit * table.top, (unit + 1) * table.top);

/** Whether a unit is silent in its image number `rank`: its maximum there is its minimum anywhere. */
export function isSilent(table: Table, unit: number, rank: number): boolean {
  const held = topImages(table, unit).filter((index) => index >= 0).length;
  return rank < held && rank >= held - table.silent[unit];
}

/** Number of a concept in another result, null where it isn't there: every result numbers for itself. */
export const numberOf = (table: Table, key: string): number | null =>
  table.numbers.find((_, concept) => conceptKey(table, concept) === key) ?? null;

/** What makes a concept the same one in two results: its category and name. */
export const conceptKey = (table: Table, concept: number): string =>
  `${categoryOf(table, concept)}|${table.fullNames[concept]}`;
