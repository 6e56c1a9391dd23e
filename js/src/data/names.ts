/** Ends of names that only say which category they are of, as Broden's do: "orange-c" is a color. */
const ENDS: Record<string, string> = { color: "-c", scene: "-s" };

/** The name of a concept as it is shown beside its category; the same rule as `nbdissect.text.short_name`. */
export function shortName(name: string, category: string): string {
  const end = Object.hasOwn(ENDS, category) ? ENDS[category] : "";
  return end && name.length > end.length && name.endsWith(end) ? name.slice(0, -end.length) : name;
}
