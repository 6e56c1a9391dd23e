import { categoryOf, type Table, topImages } from "./table";

// What begins a formula in a spreadsheet, also in the full width of East Asian keyboards; likewise in
// nbdissect/results/tally_csv_writer.py.
const FORMULA = /^(?:[\t\r\n]|\s*[=+\-@＝＋－＠])/;
const HEAD = [
  "result",
  "layer",
  "unit",
  "label",
  "category",
  "iou",
  "second_label",
  "second_iou",
  "threshold",
  "images",
];

/** Some units as a table that a spreadsheet shows and does not run: numbers as they are, names in quotes. */
export function csvOf(units: { table: Table; unit: number }[]): string {
  const warned = units.some(({ table }) => table.warning);
  const rows = units.map(({ table, unit }) => {
    const [best, second] = [table.best[unit], table.second[unit]];
    return [
      name(table.key),
      name(table.layer),
      unit,
      best < 0 ? name("") : name(table.fullNames[best]),
      best < 0 ? name("") : name(categoryOf(table, best)),
      table.best_iou[unit],
      second < 0 ? name("") : name(table.fullNames[second]),
      second < 0 ? "" : table.second_iou[unit],
      table.thresholds[unit],
      name([...topImages(table, unit)].filter((image) => image >= 0).join(" ")),
      ...(warned ? [name(table.warning)] : []),
    ].join();
  });
  return [[...HEAD, ...(warned ? ["note"] : [])].map(name).join(), ...rows, ""].join("\r\n");
}

const name = (text: string): string => `"${FORMULA.test(text) ? "'" : ""}${text.replaceAll('"', '""')}"`;
