import { batch } from "@preact/signals-core";
import type { Table } from "../data/table";
import type { Look } from "./local";
import type { State } from "./state";

/** Steps that one can go back. */
const MOST = 50;

/**
 * Opens another unit, and remembers the way back: to the opened unit, and to the image that was looked at. One that the
 * filters hide is shown beside what they leave; one that stands for no concept of a comparison, without that.
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
  if (state.sides.value && !stands(state, table, unit)) {
    state.showAlone(table.key);
    local.said.value = { text: `${to} is the best unit of no concept compared here: ${table.key} alone` };
  }
  if (state.sides.value) synced.opened.value = to;
  else state.openGuest(to);
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

/** Whether a unit stands for a concept of the comparison. */
function stands(state: State, table: Table, unit: number): boolean {
  const side = state.sides.value?.indexOf(table) ?? -1;
  return state.pairs.value.some(({ units }) => units[side] === unit);
}

function settingsOf({ local, synced }: State, look: Look | null): () => void {
  const { query, category, concept, chosen, only, current, compare, change, opened } = synced;
  const kept = [query, category, concept, chosen, only, compare, change, local.guest, opened].map(
    (signal) => ({
      signal: signal as { value: unknown },
      value: signal.peek() as unknown,
    }),
  );
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
