import type { Table } from "../data/table";
import { label } from "../dom";

/** The name of a concept, as it is shown beside its category; the tooltip has it as it is in the data. */
export const conceptLabel = (table: Table, concept: number, className = ""): HTMLElement =>
  label(table.names[concept], className, table.fullNames[concept]);
