import { categoryOf, conceptKey, isDetector, passes, type Table } from "./table";

/** One bar: a concept and the units that detect it. */
export interface Bar {
  concept: number;
  key: string;
  name: string;
  units: number;
}

/** The bars of one category, most units first. */
export interface Group {
  category: string;
  units: number;
  bars: Bar[];
}

/** What a layer detects at a cut. */
export interface Counts {
  detectors: number;
  unique: number;
  groups: Group[];
  /** The same by the paper's rule: a unit counts in every category in which it passes. */
  paper: { detectors: number; unique: number };
  largest: number;
}

/** Counts detectors by concept and category, each unit once for its best concept. */
export function countAt(table: Table, cut: number): Counts {
  const units = new Map<number, number>();
  let detectors = 0;
  for (let unit = 0; unit < table.units; unit++) {
    if (!isDetector(table, unit, cut)) continue;
    detectors++;
    units.set(table.best[unit], (units.get(table.best[unit]) ?? 0) + 1);
  }
  const groups: Group[] = table.categories.map((category) => ({ category, units: 0, bars: [] }));
  for (const [concept, count] of units) {
    const group = groups[table.category_of[concept]];
    group.units += count;
    group.bars.push({ concept, key: conceptKey(table, concept), name: table.names[concept], units: count });
  }
  for (const group of groups) group.bars.sort((a, b) => b.units - a.units || a.concept - b.concept);
  return {
    detectors,
    unique: units.size,
    groups,
    paper: paperRule(table, cut),
    largest: Math.max(1, ...units.values()),
  };
}

function paperRule(table: Table, cut: number): { detectors: number; unique: number } {
  const unique = new Set<number>();
  let detectors = 0;
  const categories = table.categories.length;
  for (let unit = 0; unit < table.units; unit++) {
    let counted = false;
    for (let place = unit * categories; place < (unit + 1) * categories; place++) {
      if (table.champions[place] < 0 || !passes(table, table.champion_iou[place], cut)) continue;
      unique.add(table.champions[place]);
      counted = true;
    }
    if (counted) detectors++;
  }
  return { detectors, unique: unique.size };
}

/** A concept that no unit of the layer could bring past the cut, largest first. */
export interface OutOfReach {
  concept: number;
  name: string;
  category: string;
  ceiling: number;
  reason: string;
}

/** Concepts whose size keeps every unit below the cut. One that never occurs is out of reach too. */
export function outOfReach(table: Table, cut: number): OutOfReach[] {
  const list: OutOfReach[] = [];
  for (const [concept, limit] of table.limitOf) {
    const ceiling = table.ceilings[concept];
    if (passes(table, ceiling, cut)) continue;
    list.push({
      concept,
      name: table.names[concept],
      category: categoryOf(table, concept),
      ceiling,
      reason: limit.reason,
    });
  }
  return list;
}

/** Count values in `bins` equal bins from `start` to `end`; NaN is skipped, outliers go to the end bins. */
export function histogram(values: ArrayLike<number>, bins: number, start: number, end: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  const step = (end - start) / bins || 1;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) continue;
    counts[Math.min(bins - 1, Math.max(0, Math.floor((values[i] - start) / step)))]++;
  }
  return counts;
}
