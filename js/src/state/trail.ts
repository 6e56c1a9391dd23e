import { batch } from "@preact/signals-core";
import type { Table } from "../data/table";
import type { Look } from "./local";
import type { State } from "./state";

/** Steps that one can go back. */
const MOST = 50;

/**
 * Opens another unit, also one that is filtered away, and remembers the way back: to the opened unit and the
 * filters, and to the image that was looked at.
 */
export function follow(state: State, table: Table, unit: number, look: Look | null = null): void {
  const { local, synced } = state;
  const to = state.address(table, unit);
  const restore = settingsOf(state, look);
  const from = look ? addressOf(look) : synced.opened.peek();
  local.looked.value = null;
  local.followed = to;
  if (from && from !== to) local.trail.value = [...local.trail.peek(), { from, to, restore }].slice(-MOST);
  batch(() => {
    if (!state.sides.value?.includes(table)) {
      synced.compare.value = [];
      synced.current.value = table.key;
    }
  });
  if (!isShown(state, table, unit)) {
    batch(() => {
      synced.compare.value = [];
      synced.current.value = table.key;
      state.clearFilters();
      synced.only.value = "all";
    });
  }
  synced.opened.value = to;
}

/** The way back from a unit, if one came to it from another. */
export function stepTo(state: State, address: string): { from: string; back(): void } | null {
  const { trail } = state.local;
  const step = trail.value.at(-1);
  if (step?.to !== address) return null;
  return {
    from: step.from,
    back() {
      trail.value = trail.peek().slice(0, -1);
      step.restore();
    },
  };
}

export const addressOf = ({ key, unit }: Look): string => `${key}:${unit}`;

function isShown(state: State, table: Table, unit: number): boolean {
  if (!state.sides.value) return state.shown.value.includes(unit);
  const side = state.sides.value.indexOf(table);
  return state.pairs.value.some(({ units }) => units[side] === unit);
}

function settingsOf({ local, synced }: State, look: Look | null): () => void {
  const { query, category, concept, chosen, only, current, compare, change, opened } = synced;
  const kept = [query, category, concept, chosen, only, compare, change, opened].map((signal) => ({
    signal: signal as { value: unknown },
    value: signal.peek() as unknown,
  }));
  const [shown, before] = [current.peek(), opened.peek()];
  return () => {
    local.followed = before;
    current.value = shown; // first: the concept that is filtered by follows it
    batch(() => {
      for (const { signal, value } of kept) signal.value = value;
    });
    local.looked.value = look;
  };
}
