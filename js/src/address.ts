import { pairsOf } from "./data/comparison";
import { type Filter, shownUnits } from "./data/filter";
import { type Table, tableOf } from "./data/table";
import { listen } from "./dom";
import type { DissectionTable } from "./protocol";
import { DEFAULTS, type GalleryState } from "./state/gallery-state";
import type { Model } from "./state/model";

// What a page's address says after its "#": the opened unit, `features.12:412`, and the settings that differ from
// those that the page began with, such as `#features.12:412&query=wheel&category=part`. Lists repeat their name.

type Setting = Exclude<keyof GalleryState, "_chosen">;
type Values = Partial<Record<Setting, unknown>>;

/** In the order in which they are written, after the opened unit. */
const SETTINGS = Object.keys(DEFAULTS).filter((name) => name !== "opened" && name !== "_chosen") as Setting[];
/** More selected units than this make no address. */
const MOST_SELECTED = 200;
/** Milliseconds after the last change until the address is written. */
const DELAY = 250;

/** What an address sets, and the parts of it that mean nothing in this page. */
interface Read {
  values: Values;
  wrong: string[];
}

/** The part of an address that says what a page shows, beside what it began with. */
export function addressOf(now: Values, began: Values): string {
  const parts = now.opened ? [unitPart(String(now.opened))] : [];
  for (const name of SETTINGS) {
    if (same(now[name], began[name])) continue;
    const values = [now[name]].flat();
    if (values.length > MOST_SELECTED) continue;
    // An empty list, or no concept, where the page began with some: `category=`.
    parts.push(...(values.length ? values : [""]).map((value) => `${name}=${coded(String(value ?? ""))}`));
  }
  return parts.join("&");
}

/** Reads an address, without its "#", in a page of these dissections. */
export function readAddress(text: string, tables: Table[], several: boolean): Read {
  const read: Read = { values: {}, wrong: [] };
  for (const part of text.split("&").filter(Boolean)) {
    const [, name, code] = part.match(/^(\w+)=(.*)$/s) ?? ["", "opened", part];
    const value = decoded(code);
    const setting = value === null ? undefined : settingOf(name as Setting, value, tables, several);
    if (setting === undefined) read.wrong.push(part);
    else if (Array.isArray(setting))
      read.values[name as Setting] = [...((read.values[name as Setting] as unknown[]) ?? []), ...setting];
    else read.values[name as Setting] = setting;
  }
  const { compare } = read.values;
  if (Array.isArray(compare) && (compare.length === 1 || new Set(compare).size < compare.length)) {
    delete read.values.compare;
    read.wrong.push(`compare=${compare.map(coded).join()}`);
  }
  return read;
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** As it may stand in an address; half a surrogate pair can't. */
const coded = (text: string): string => encodeURIComponent(text.replace(/\p{Cs}/gu, "\ufffd"));

function unitPart(address: string): string {
  const colon = address.lastIndexOf(":");
  return `${coded(address.slice(0, colon))}${address.slice(colon)}`;
}

function decoded(code: string): string | null {
  try {
    return decodeURIComponent(code);
  } catch {
    return null;
  }
}

const CHOICES: Partial<Record<Setting, readonly string[]>> = {
  only: ["detectors", "unlabelled", "all"],
  sort: ["iou", "unit", "concept", "activation"],
  overlay: ["mask", "outline", "heat", "none"],
};

/** The value of a setting as an address has it, undefined where it can't be set so; of a list, one item. */
function settingOf(name: Setting, text: string, tables: Table[], several: boolean): unknown {
  const known = (names: string[]) => (text === "" ? [] : names.includes(text) ? [text] : undefined);
  const number = /^[\d.]+(e-\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (Object.hasOwn(CHOICES, name)) return CHOICES[name]?.includes(text) ? text : undefined;
  if (name === "query") return text;
  if (name === "opened") return text === "" || isUnit(text, tables) ? text : undefined;
  if (name === "current") return tables.some(({ key }) => key === text) ? text : undefined;
  if (name === "compare") return known(tables.map(({ key }) => key));
  if (name === "category") return known(tables.flatMap(({ categories }) => categories));
  if (String(name) === "change") return known(["gained", "lost", "kept"]);
  if (name === "min_iou") return number >= 0 && number <= 1 ? number : undefined;
  if (name === "concept") {
    if (text === "") return null;
    return tables.some(({ numbers }) => numbers.includes(number)) ? number : undefined;
  }
  if (name !== "selected") return undefined;
  if (text === "") return [];
  if (several) return isUnit(text, tables) ? [text] : undefined;
  return isUnit(`${tables[0].key}:${text}`, tables) ? [number] : undefined;
}

function isUnit(address: string, tables: Table[]): boolean {
  const [, key, unit] = address.match(/^(.*):(0|[1-9]\d*)$/s) ?? [];
  return tables.some((table) => table.key === key && Number(unit) < table.units);
}

/** Keeps what a page shows and its address together; `report` is told what of the address means nothing here. */
export function followAddress(model: Model, report: (wrong: string[]) => void): () => void {
  const tables = (model.get("_tables") as DissectionTable[]).map(tableOf);
  const names: Setting[] = [...SETTINGS, "opened"];
  const now = (): Values => Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const began = now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reading = false;

  const read = () => {
    const { values, wrong } = readAddress(location.hash.slice(1), tables, !!model.get("_several"));
    reading = true;
    const wanted: Values = { ...began, opened: "", ...values };
    if (!values.opened && !location.hash) wanted.opened = began.opened;
    for (const [name, value] of Object.entries(withOpened(wanted, model, tables))) model.set(name, value);
    reading = false;
    report(wrong);
  };
  const write = () => {
    const address = addressOf(now(), began);
    try {
      const page = location.href.split("#")[0];
      history.replaceState(history.state, "", address ? `#${address}` : page);
    } catch {} // a page inside another one may have no say in its address
  };
  const later = () => {
    if (reading) return;
    clearTimeout(timer);
    timer = setTimeout(write, DELAY);
  };
  if (location.hash.length > 1) read();
  for (const name of names) model.on(`change:${name}`, later);
  const stop = listen(window, "hashchange", read);
  return () => {
    clearTimeout(timer);
    stop();
    for (const name of names) model.off(`change:${name}`, later);
  };
}

/** The settings, changed as little as needed for the unit that is to be opened to be among those shown. */
function withOpened(wanted: Values, model: Model, tables: Table[]): Record<string, unknown> {
  const opened = String(wanted.opened ?? "");
  const colon = opened.lastIndexOf(":");
  const table = tables.find(({ key }) => key === opened.slice(0, colon));
  if (!table) return wanted;
  const unit = Number(opened.slice(colon + 1));
  if (isCompared(table, unit, wanted, tables)) return wanted;
  // Where more than two share an axis, the units of one of them are listed.
  const compare = (wanted.compare as string[]).length > 2 ? wanted.compare : [];
  const loosened = [{}, { only: "all" }, { only: "all", query: "", category: [], concept: null }];
  const chosen = model.get("_chosen") as number[] | null;
  for (const loose of loosened) {
    const next = { ...wanted, current: table.key, compare, ...loose };
    if (shownUnits(table, { ...next, chosen } as unknown as Filter).includes(unit)) return next;
  }
  return { ...wanted, current: table.key, compare, ...loosened[2], _chosen: null };
}

/** Whether a comparison has a row with the unit: it holds the best unit of each side for a concept. */
function isCompared(table: Table, unit: number, { compare, min_iou }: Values, tables: Table[]): boolean {
  const names = compare as string[];
  const [left, right] = names.flatMap((name) => tables.find(({ key }) => key === name) ?? []);
  if (names.length !== 2 || !left || !right) return false;
  const side = [left, right].indexOf(table);
  return pairsOf(left, right, Number(min_iou)).some(({ units }) => units[side] === unit);
}
