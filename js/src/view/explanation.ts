import { type Signal, signal } from "@preact/signals-core";
import type { Context } from "../context";
import { categoryOf, type Table } from "../data/table";
import type { LabelsReply, RankedConcept } from "../protocol";
import type { Scope } from "../scope";

/** Where a concept is in an image, and why that doesn't count. */
export interface Labels {
  pixels: Uint8Array;
  missing: string;
}

/** What is known of an opened unit, and what is looked at: it stays when a newer result of the layer comes. */
export interface Explanation {
  table: Table;
  /** Whether "Why this label?" is on. */
  why: Signal<boolean>;
  /** The concept that is explained. */
  concept: Signal<number>;
  ranking: Signal<RankedConcept[] | null>;
  /** How sure the label is, in words; "" where that isn't known. */
  evidence: Signal<string>;
  /** Where that concept is in each image, once the kernel has said so. */
  labels: Signal<Labels[] | null>;
  problem: Signal<unknown>;
  retry(): void;
}

/** Asks for the ranking of a unit, and for where a concept is as soon as somebody wants to see that. */
export function explanationOf(
  { source }: Context,
  table: Table,
  unit: number,
  scope: Scope,
  before?: Explanation,
): Explanation {
  const { why, concept, ranking, evidence } = kept(table, before) ?? {
    why: signal(false),
    concept: signal(table.best[unit]),
    ranking: signal(null),
    evidence: signal(""),
  };
  if (!why.value) concept.value = table.best[unit];
  const labels = signal<Labels[] | null>(null);
  const problem = signal<unknown>(null);
  /** Grows when somebody tries again. */
  const attempt = signal(0);
  let alive = true;
  scope.onCleanup(() => {
    alive = false;
  });
  const failed = (error: unknown) => {
    if (alive) problem.value = error;
  };
  scope.effect(() => {
    attempt.value;
    source.ask<"unit">({ kind: "unit", key: table.key, unit }).then(({ reply }) => {
      if (!alive) return;
      ranking.value = reply.ranking;
      evidence.value = reply.evidence ?? "";
    }, failed);
  });
  scope.effect(() => {
    const asked = concept.value;
    attempt.value;
    if (!why.value || asked < 0) return;
    labels.value = null;
    const question = { kind: "labels", key: table.key, unit, concept: asked } as const;
    source.ask<"labels">(question).then(({ reply, buffers }) => {
      if (alive && concept.peek() === asked)
        labels.value = labelsOf(reply, buffers[0], categoryOf(table, asked));
    }, failed);
  });
  const retry = () => {
    problem.value = null;
    attempt.value++;
  };
  return { table, why, concept, ranking, evidence, labels, problem, retry };
}

/** What was looked at in an earlier result, unless its concepts were others. */
const kept = (table: Table, before?: Explanation): Explanation | undefined =>
  before?.table.names.join() === table.names.join() ? before : undefined;

/** Cuts the pixels of a reply by image. */
function labelsOf(reply: LabelsReply, pixels: DataView, category: string): Labels[] {
  let start = pixels.byteOffset;
  return reply.grids.map(([height, width], rank) => {
    const labels = new Uint8Array(pixels.buffer as ArrayBuffer, start, height * width);
    start += height * width;
    // Pixels in an image without labels of the category were counted for neither side.
    const uncounted = reply.carries[rank] ? "" : `no ${category} labels here: not counted`;
    return { pixels: labels, missing: reply.problems[rank] || uncounted };
  });
}
