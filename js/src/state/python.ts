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

/** What the gallery is made of, in a line of Python: the name that most people give it. */
const ONE = "d";
const SEVERAL = "results";

/** The line that shows the gallery as it is now. */
export function viewCode(state: State): string {
  const settings = Object.entries(viewOf(state)).map(([name, value]) => `${name}=${literal(value)}`);
  return state.synced.several
    ? `nd.gallery(${[SEVERAL, ...settings].join(", ")})`
    : `${ONE}.gallery(${settings.join(", ")})`;
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

/** The lines that show the selected units as pictures, one for each dissection. */
export function selectionCode(state: State): string {
  return selectedByTable(state)
    .map(({ key, units }) => {
      const owner = state.synced.several ? `${SEVERAL}[${literal(key)}]` : ONE;
      return `${owner}.units[${literal(units)}]`;
    })
    .join("\n");
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
