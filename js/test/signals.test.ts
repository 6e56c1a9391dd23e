import * as preact from "@preact/signals-core";
import { describe, expect, it, vi } from "vitest";
import * as ours from "../src/signals";
import { batch, computed, effect, signal, untracked } from "../src/signals";

/** Numbers from 0 below 1, the same in every run. */
function randomly(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}

/**
 * What a random net of values says while it is changed at random, step by step. Neither promises an order among
 * the effects of one change, so an effect that writes is left to settle: what it leads to must be the same.
 */
function told(
  { signal, computed, effect, batch }: typeof ours | typeof preact,
  seed: number,
  writes: boolean,
): string[][] {
  const random = randomly(seed);
  const any = <T>(list: T[]): T => list[Math.floor(random() * list.length)];
  const steps: string[][] = [];
  let log: string[] = [];
  const values = Array.from({ length: 4 }, (_, at) => signal(at));
  const nodes: { readonly value: number }[] = [...values];
  for (let at = 0; at < 8; at++) {
    const [first, second, third] = [any(nodes), any(nodes), any(nodes)];
    // What is read depends on what was read, and most changes make no difference.
    nodes.push(computed(() => (first.value % 2 ? second.value : third.value >> 1)));
  }
  const ends = Array.from({ length: 5 }, (_, at) => {
    const [first, second, to] = [any(nodes), any(nodes), any(values)];
    return effect(() => {
      log.push(`${at}: ${first.value} ${second.value}`);
      if (writes && at === 4 && to.value < 3) to.value += 3;
    });
  });
  let changes = 0; // nothing is set back to what it was: there Preact saves a run
  for (let step = 0; step < 60; step++) {
    if (step === 40) ends[1]();
    const change = () => {
      any(values).value = 12 * ++changes + Math.floor(random() * 12);
    };
    if (random() < 0.5) change();
    else
      batch(() => {
        change();
        log.push(`in between ${any(nodes).value}`);
        change();
      });
    // Where effects write, some run twice on the way.
    steps.push(writes ? nodes.map((node) => String(node.value)) : log.sort());
    log = [];
  }
  return steps;
}

describe("signals", () => {
  it("behave as those of Preact", () => {
    for (let seed = 1; seed <= 200; seed++) {
      for (const writes of [false, true])
        expect(told(ours, seed, writes)).toEqual(told(preact, seed, writes));
    }
  });

  it("compute when read, once, and tell nobody of a change that makes no difference", () => {
    const value = signal(1);
    const compute = vi.fn(() => value.value > 0);
    const positive = computed(compute);
    expect(compute).not.toHaveBeenCalled();
    const run = vi.fn(() => void positive.value);
    const end = effect(run);
    value.value = 2;
    expect([compute.mock.calls.length, run.mock.calls.length]).toEqual([2, 1]);
    value.value = -1;
    expect(run).toHaveBeenCalledTimes(2);
    end();
    value.value = 1;
    expect(run).toHaveBeenCalledTimes(2);
  });

  it("see all of a batch at once", () => {
    const [a, b] = [signal(1), signal(1)];
    const sums: number[] = [];
    effect(() => void sums.push(a.value + b.value));
    batch(() => {
      a.value = 2;
      b.value = 2;
    });
    expect(sums).toEqual([2, 4]);
  });

  it("don't follow what is looked at in passing", () => {
    const [a, b] = [signal(1), signal(1)];
    const run = vi.fn(() => a.peek() + untracked(() => b.value));
    effect(run);
    a.value = 2;
    b.value = 2;
    expect(run).toHaveBeenCalledTimes(1);
  });

  it("recover from a mistake, and one effect's mistake doesn't keep others from running", () => {
    const value = signal(1);
    const half = computed(() => {
      if (value.value % 2) throw new Error(`${value.value} is odd`);
      return value.value / 2;
    });
    expect(() => half.value).toThrow("1 is odd");
    const seen: unknown[] = [];
    effect(() => {
      try {
        seen.push(half.value);
      } catch (error) {
        seen.push((error as Error).message);
      }
    });
    value.value = 4;
    value.value = 5;
    expect(seen).toEqual(["1 is odd", 2, "5 is odd"]);
    const bad = effect(() => {
      if (value.value === 7) throw new Error("seven");
    });
    const run = vi.fn(() => void value.value);
    effect(run);
    expect(() => {
      value.value = 7;
    }).toThrow("seven");
    expect(run).toHaveBeenCalledTimes(2);
    bad();
  });

  it("end those that set each other off for ever", () => {
    const value = signal(0);
    expect(() =>
      effect(() => {
        value.value++;
      }),
    ).toThrow("without end");
  });
});
