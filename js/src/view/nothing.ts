import { batch } from "@preact/signals-core";
import { foundUnits, isAbout } from "../data/filter";
import { findsConcept, searchOf } from "../data/search";
import { categoryOf, cutText, highest, passes, type Table } from "../data/table";
import { number, plural } from "../dom";
import type { Change } from "../state/gallery-state";
import type { State } from "../state/state";
import { decimals } from "./iou";

/** Of how many concepts that a search names it is told why no unit has them as its label. */
const TOLD = 3;
/** Steps of the cut that is offered. */
const STEP = 0.005;

/** A way out: what the button says and does. */
export interface Way {
  text: string;
  go(): void;
}

/** Why nothing is shown. `{}` in the reason stands for the query. */
export interface Nothing {
  reason: string;
  query: string;
  notes: string[];
  ways: Way[];
}

/** Says which of the filters is the reason that nothing is shown, and how to see something. */
export function nothingShown(state: State): Nothing {
  const query = state.synced.query.value.trim();
  const said = state.sides.value ? inComparison(state, query) : inOne(state, query);
  const ways = said.ways ?? [];
  if (state.isFiltered) ways.push({ text: "Clear filters", go: () => state.clearFilters() });
  return { reason: said.reason, query, notes: said.notes ?? [], ways };
}

type Said = Pick<Nothing, "reason"> & Partial<Nothing>;

function inOne(state: State, query: string): Said {
  const { synced } = state;
  const table = state.table.value;
  if (!table.units) return { reason: "This result has no units." };
  const chosen = synced.chosen.value;
  const about = query ? "about {}" : "left by these filters";
  const among = passing(state, chosen);
  if (among.length) return besideCut(state, among, query, `is ${about}`);
  const others = chosen ? passing(state, null) : [];
  if (chosen && others.length)
    return {
      reason: `None of the ${plural(chosen.length, "chosen unit")} is ${about}.`,
      notes: [`${there(others.length)} among all units.`],
      ways: [searchAll(state)],
    };
  const hidden = query ? foundUnits(table, { query, min_iou: 0, only: "all", chosen: null }).length : 0;
  if (hidden)
    return {
      reason: "No unit is about {} here.",
      notes: [`${there(hidden)} elsewhere: the other filters leave ${hidden === 1 ? "it" : "them"} out.`],
    };
  if (!query)
    return { reason: state.isFiltered ? "No unit matches these filters." : "There is no such unit." };
  const notes = conceptNotes([table], query, synced.cut.value);
  return {
    reason: "No unit is about {} here.",
    notes: notes.length ? notes : ["Words are looked for in concept, category and number."],
    ways: chosen ? [searchAll(state)] : [],
  };
}

/** The units that pass all filters but the cut, of those chosen. */
function passing({ synced, table }: State, chosen: number[] | null): number[] {
  const about = { category: synced.category.value, concept: synced.concept.value };
  const found = { query: synced.query.value, min_iou: synced.cut.value, only: "all" as const, chosen };
  return foundUnits(table.value, found).filter((unit) => isAbout(table.value, unit, about));
}

/** Where the cut alone hides units: how far it is from them. */
function besideCut(state: State, units: number[], query: string, about: string): Said {
  const { only, cut } = state.synced;
  const table = state.table.value;
  if (only.value === "unlabelled")
    return {
      reason: `No unit below the cut ${about}.`,
      notes: [`${there(units.length)} above it.`],
      ways: [allUnits(state)],
    };
  const filtered = state.isFiltered;
  const most = Math.max(...units.map((unit) => table.best_iou[unit]));
  const own = filtered && units.length < table.units;
  return {
    reason: filtered
      ? `No unit that passes IoU ${cutText(table, cut.value)} ${about}.`
      : "No unit passes the cut.",
    notes: [
      own
        ? `${there(units.length)} below it, with IoU up to ${decimals(most)}.`
        : `The highest IoU here is ${decimals(most)}.`,
      ...conceptNotes([table], query, cut.value, true),
    ],
    ways: [...lower(state, table, most), allUnits(state)],
  };
}

function lower({ synced: { cut } }: State, table: Table, most: number): Way[] {
  const step = Math.floor(most / STEP);
  const next = [step, step - 1].map((at) => +(at * STEP).toFixed(4)).find((at) => passes(table, most, at));
  if (next === undefined || next < 0 || next >= cut.value || most <= 0) return [];
  return [{ text: `Lower the cut to ${next}`, go: () => (cut.value = next) }];
}

const there = (units: number): string => `There ${units === 1 ? "is" : "are"} ${plural(units, "such unit")}`;

const allUnits = ({ synced: { only } }: State): Way => ({
  text: "Search all units",
  go: () => (only.value = "all"),
});

/** The same where only some were chosen. */
const searchAll = ({ synced: { only, chosen } }: State): Way => ({
  text: "Search all units",
  go: () =>
    batch(() => {
      chosen.value = null;
      only.value = "all";
    }),
});

/** Why the concepts that a query names aren't what units are labeled; `bounded` = only of those out of reach. */
function conceptNotes(tables: Table[], query: string, cut: number, bounded = false): string[] {
  if (!query) return [];
  const search = searchOf(query);
  return tables.flatMap((table) => {
    const isBounded = (concept: number) =>
      table.limitOf.has(concept) && !passes(table, table.ceilings[concept], cut);
    const concepts = [...table.names.keys()].filter(
      (concept) =>
        findsConcept(search, table.fullNames[concept], categoryOf(table, concept)) &&
        (!bounded || isBounded(concept)),
    );
    const where = tables.length > 1 ? ` in ${table.key}` : "";
    const about = (concept: number) => {
      const bound = isBounded(concept) ? ` could not pass ${+cut.toFixed(4)}` : "";
      return conceptNote(table, concept, bound, where);
    };
    return concepts.slice(0, TOLD).map(about);
  });
}

function conceptNote(table: Table, concept: number, bound: string, where: string): string {
  const name = table.names[concept];
  const nearest = table.leader_iou[concept];
  const count = (list: Int32Array) => list.filter((one) => one === concept).length;
  const [first, second] = [count(table.best), count(table.second)];
  const up = `IoU up to ${decimals(nearest)}`;
  const sentence = bound
    ? `${name}${bound}${where} (IoU ≤ ${decimals(table.ceilings[concept])}): out of reach.`
    : first
      ? `${name} is the best concept of ${plural(first, "unit")}${where}: ${up}.`
      : nearest > 0
        ? `${name} is no unit’s best concept${where}: ${up}, in unit ${table.leaders[concept]}.`
        : `${name} shares no pixel with any unit${where}.`;
  return second ? `${sentence} It is the second choice of ${plural(second, "unit")}.` : sentence;
}

function inComparison(state: State, query: string): Said {
  const [left, right] = state.sides.value as [Table, Table];
  const { change, cut, category, concept } = state.synced;
  if (query)
    return {
      reason: `No concept is ${change.value.length ? `${change.value.join(" or ")} and ` : ""}about {}.`,
      notes: conceptNotes([left, right], query, cut.value),
    };
  const all = state.changesOfAll.value;
  const alone = change.value.length && !category.value.length && concept.value === null;
  if (!alone) {
    const most = Math.max(highest(left), highest(right));
    return state.isFiltered
      ? { reason: "No concept matches these filters." }
      : { reason: "No unit passes the cut.", notes: [`The highest IoU here is ${decimals(most)}.`] };
  }
  const together = (one: Table, other: Table, count: number) =>
    count > 1
      ? `: all ${number(count)} of ${one.key} are in ${other.key}`
      : `: ${count ? `the one of ${one.key} is in ${other.key}` : `${one.key} has none`}`;
  const names: Record<Change, string> = {
    lost: together(left, right, all.kept),
    gained: together(right, left, all.kept),
    kept: all.lost
      ? `: none of the ${number(all.lost)} of ${left.key} is in ${right.key}`
      : together(left, right, 0),
  };
  const [first, more] = change.value;
  return { reason: `No concept was ${change.value.join(" or ")}${more ? "" : names[first]}.` };
}
