import { DEFAULTS, type GalleryState } from "./gallery-state";
import type { State } from "./state";

// How a text is written in Python: the signs that aren't printed, as escapes.
const QUIET = /[\\\p{C}\p{Zl}\p{Zp}\p{Zs}]/gu;
const SHORT: Record<string, string> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", " ": " " };

/** A value as a Python literal, as `repr` writes it. */
export function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "string") return quoted(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  return value === null ? "None" : String(value);
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(QUIET, (sign) => SHORT[sign] ?? coded(sign.codePointAt(0) as number));
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

function coded(code: number): string {
  const [letter, digits] = code < 256 ? ["x", 2] : code < 65536 ? ["u", 4] : ["U", 8];
  return `\\${letter}${code.toString(16).padStart(digits as number, "0")}`;
}

/** Stand for what Python has no name for: nobody's variable of this name may be shown in its place. */
const ONE = "d";
const SEVERAL = "results";

/** The line that shows the gallery as it is now; `sure` = the names that Python told hold. */
export function viewCode(state: State, sure = true): string {
  const settings = Object.entries(viewOf(state)).map(([name, value]) => `${name}=${literal(value)}`);
  const name = sure && state.synced.whole.value;
  const lines = name ? [] : [stand(state)];
  const line = state.synced.several
    ? `nd.gallery(${[name || SEVERAL, ...settings].join(", ")})`
    : `${name || ONE}.gallery(${settings.join(", ")})`;
  return [...lines, line].join("\n");
}

/** The line to be filled in where a result has no name: Python refuses it as it is. */
function stand({ synced }: State): string {
  const tables = synced.tables.value;
  const load = synced.whole.value === null ? "nd.load(…)" : "…";
  const value = synced.several ? `{${tables.map(({ key }) => `${literal(key)}: ${load}`).join(", ")}}` : load;
  const about = tables.map(({ layer, model }) => `${layer} of ${model}`).join(", ");
  return `${synced.several ? SEVERAL : ONE} = ${value}  # ${about.replace(/[\s\p{C}\p{Zl}\p{Zp}]+/gu, " ")}`;
}

/** What differs from a gallery that nobody has set anything in. */
function viewOf(state: State): Record<string, unknown> {
  const { synced, table } = state;
  const chosen = synced.chosen.value?.map((unit) => state.nameOf(table.value, unit));
  // Of several, one is always named: those of two may begin side by side.
  const current = synced.several ? "" : synced.current.value;
  const usual = { ...DEFAULTS, current, only: chosen ? "all" : state.startingOnly };
  const names = Object.keys(DEFAULTS) as (keyof GalleryState)[];
  const changed = names.filter(
    (name) => name !== "_chosen" && JSON.stringify(synced.saved(name)) !== JSON.stringify(usual[name]),
  );
  const settings = Object.fromEntries(changed.map((name) => [name, synced.saved(name)]));
  return chosen ? { shown: chosen, ...settings } : settings;
}

/** The lines that show the selected units as pictures, one for each dissection; `sure` as for `viewCode`. */
export function selectionCode(state: State, sure = true): string {
  const { synced } = state;
  const named = selectedByTable(state).map(({ key, units }) => {
    const at = synced.tables.value.findIndex((table) => table.key === key);
    return { key, units, name: sure ? synced.names.value?.[at] : "" };
  });
  const lines = named.map(({ key, units, name }) => {
    const owner = name || (synced.several ? `${SEVERAL}[${literal(key)}]` : ONE);
    return `${owner}.units[${literal(units)}]`;
  });
  return [...(named.every(({ name }) => name) ? [] : [stand(state)]), ...lines].join("\n");
}

/** The selected units of each dissection, in the order in which they were selected. */
export function selectedByTable(state: State): { key: string; units: number[] }[] {
  const units = new Map<string, number[]>();
  for (const name of state.synced.selected.value) {
    const at = state.unitNamed(name);
    if (at) units.set(at.table.key, [...(units.get(at.table.key) ?? []), at.unit]);
  }
  return [...units].map(([key, numbers]) => ({ key, units: numbers }));
}
