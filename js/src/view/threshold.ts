import type { Table } from "../data/table";
import type { UnitMaps } from "../data/unit-maps";

/** A unit's threshold after the level slider: 0 leaves it, 1 raises it to the maximum, −1 lowers it to the minimum. */
export function thresholdAt(table: Table, unit: number, maps: UnitMaps | undefined, level: number): number {
  const threshold = table.thresholds[unit];
  if (!maps || level === 0) return threshold;
  return level > 0 ? threshold + (maps.high - threshold) * level : threshold + (threshold - maps.low) * level;
}

/** The level at which a unit's threshold takes a value: the inverse of `thresholdAt`. */
export function levelFor(table: Table, unit: number, maps: UnitMaps, value: number): number {
  const threshold = table.thresholds[unit];
  const room = value >= threshold ? maps.high - threshold : threshold - maps.low;
  return room > 0 ? Math.max(-1, Math.min(1, (value - threshold) / room)) : 0;
}
