import type { Change } from "../state/gallery-state";
import type { Counts } from "./counts";
import { categoryOf, conceptKey, isDetector, type Table } from "./table";

/** A concept that at least one of two results detects, and what became of it. */
export interface Pair {
  key: string;
  name: string;
  category: string;
  change: Change;
  /** How many units detect it, left and right. */
  detectors: [number, number];
  /** The best of them; where there is none, the unit that comes nearest to it, null = none does. */
  units: [number | null, number | null];
  iou: [number, number];
}

/** What one result says of a concept. */
interface Side {
  name: string;
  category: string;
  detectors: number;
  unit: number | null;
  iou: number;
}

const NOTHING: Side = { name: "", category: "", detectors: 0, unit: null, iou: 0 };

/** The concepts that either of two results detects: each unit counts once, for its best concept. The best IoU first. */
export function pairsOf(left: Table, right: Table, cut: number): Pair[] {
  const sides = [sidesOf(left, cut), sidesOf(right, cut)];
  const pairs: Pair[] = [];
  for (const key of new Set(sides.flatMap((side) => [...side.keys()]))) {
    const [a, b] = sides.map((side) => side.get(key) ?? NOTHING);
    if (!a.detectors && !b.detectors) continue;
    const { name, category } = a.detectors ? a : b;
    pairs.push({
      key,
      name,
      category,
      change: !a.detectors ? "gained" : b.detectors ? "kept" : "lost",
      detectors: [a.detectors, b.detectors],
      units: [a.unit, b.unit],
      iou: [a.iou, b.iou],
    });
  }
  const height = ({ iou, detectors }: Pair) => Math.max(...iou.filter((_, side) => detectors[side]));
  return pairs.sort((a, b) => height(b) - height(a) || (a.key < b.key ? -1 : 1));
}

/** Concepts by key: their detectors, and the best of these, or else the unit with the highest IoU. */
function sidesOf(table: Table, cut: number): Map<string, Side> {
  const sides = new Map<string, Side>();
  for (let concept = 0; concept < table.names.length; concept++) {
    const key = conceptKey(table, concept);
    const iou = table.leader_iou[concept];
    const known = sides.get(key);
    if (known && known.iou >= iou) continue;
    const unit = iou > 0 ? table.leaders[concept] : null;
    sides.set(key, {
      name: table.names[concept],
      category: categoryOf(table, concept),
      detectors: 0,
      unit,
      iou,
    });
  }
  for (let unit = 0; unit < table.units; unit++) {
    if (!isDetector(table, unit, cut)) continue;
    const side = sides.get(conceptKey(table, table.best[unit])) as Side;
    if (!side.detectors || table.best_iou[unit] > side.iou) {
      side.unit = unit;
      side.iou = table.best_iou[unit];
    }
    side.detectors++;
  }
  return sides;
}

/** How many concepts were gained, lost and kept. */
export function changesOf(pairs: Pair[]): Record<Change, number> {
  const counts = { gained: 0, lost: 0, kept: 0 };
  for (const { change } of pairs) counts[change]++;
  return counts;
}

/** A concept on the axis that several results share: its units in each, and its column, null where it has none. */
export interface SharedBar {
  key: string;
  name: string;
  units: number[];
  columns: (number | null)[];
}

/** A category on it, the concepts with most units in all first. */
export interface SharedGroup {
  category: string;
  bars: SharedBar[];
}

/** One axis for the graphs of several results: their concepts by category. */
export function sharedAxis(counts: Counts[]): SharedGroup[] {
  const groups = new Map<string, Map<string, SharedBar>>();
  counts.forEach((one, at) => {
    for (const { category, bars } of one.groups) {
      const group = groups.get(category) ?? new Map<string, SharedBar>();
      groups.set(category, group);
      for (const { key, name, units, concept } of bars) {
        const bar = group.get(key) ?? {
          key,
          name,
          units: counts.map(() => 0),
          columns: counts.map(() => null),
        };
        bar.units[at] += units;
        bar.columns[at] ??= concept;
        group.set(key, bar);
      }
    }
  });
  const total = ({ units }: SharedBar) => units.reduce((sum, count) => sum + count, 0);
  return [...groups]
    .map(([category, bars]) => ({
      category,
      bars: [...bars.values()].sort((a, b) => total(b) - total(a) || (a.key < b.key ? -1 : 1)),
    }))
    .filter(({ bars }) => bars.length > 0);
}

/** Whether any concept is in both: otherwise there is nothing to compare. */
export function haveConceptsInCommon(left: Table, right: Table): boolean {
  const keys = new Set(left.names.map((_, concept) => conceptKey(left, concept)));
  return right.names.some((_, concept) => keys.has(conceptKey(right, concept)));
}

/** In what two results differ beside their networks, so that numbers can't be set against each other like for like; else "". */
export function unlike(left: Table, right: Table): string {
  const facts = `(${left.key}: ${left.facts}; ${right.key}: ${right.facts})`;
  if (left.data_set !== right.data_set)
    return `Probed with different images ${facts}: what is gained or lost may come from these, not from the network.`;
  if (left.semantics !== right.semantics || left.quantile !== right.quantile)
    return `Counted by different rules ${facts}: what is gained or lost may come from these, not from the network.`;
  return "";
}
