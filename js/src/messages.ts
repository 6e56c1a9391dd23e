// Everything that passes between the kernel and the page. The kernel's half is
// nbdissect/display/messages.py; tests/test_messages.py compares the two.

/** Why the size of a concept limits its IoU, in words. */
export interface LimitRow {
  concept: number;
  coverage: number | null;
  reason: string;
}

/** One dissection without its images. U units, C concepts, G categories; arrays are little-endian. */
export interface DissectionTable {
  key: string;
  layer: string;
  model: string;
  facts: string;
  semantics: string;
  quantile: number | null;
  warning: string;
  note: string;
  categories: string[];
  names: string[];
  numbers: number[];
  limits: LimitRow[];
  units: number;
  top: number;
  category_of: DataView; // int32 [C]
  ceilings: DataView; // float64 [C]
  best: DataView; // int32 [U]
  best_iou: DataView; // float64 [U]
  second: DataView; // int32 [U]
  second_iou: DataView; // float64 [U]
  champions: DataView; // int32 [U, G]
  champion_iou: DataView; // float64 [U, G]
  leaders: DataView; // int32 [C]
  leader_iou: DataView; // float64 [C]
  thresholds: DataView; // float32 [U]
  strongest: DataView; // float32 [U]
  top_images: DataView; // int32 [U, top]
}

/** Asks for photographs by their index in the data set. */
export interface PicturesRequest {
  kind: "pictures";
  id: string;
  key: string;
  images: number[];
}

/** One buffer per image: an encoded picture, empty where `problems` says why. */
export interface PicturesReply {
  kind: "pictures";
  id: string;
  images: number[];
  types: string[];
  problems: string[];
}

/** Asks for the raw activation maps of some units in their strongest images. */
export interface MapsRequest {
  kind: "maps";
  id: string;
  key: string;
  units: number[];
}

/** One buffer: float32 maps one after the other, `top` per unit; sizes and mask grids as [height, width]. */
export interface MapsReply {
  kind: "maps";
  id: string;
  units: number[];
  sizes: number[][];
  grids: number[][];
}

/** Asks where a concept (a column) is in the strongest images of a unit. */
export interface LabelsRequest {
  kind: "labels";
  id: string;
  key: string;
  unit: number;
  concept: number;
}

/** One buffer: bytes 0 and 1 on the mask grids, image after image. */
export interface LabelsReply {
  kind: "labels";
  id: string;
  grids: number[][];
}

/** Asks for the ranked concepts of a unit. */
export interface UnitRequest {
  kind: "unit";
  id: string;
  key: string;
  unit: number;
}

/** The numbers from which one IoU follows; null where an imported file doesn't hold them. */
export interface RankedConcept {
  concept: number;
  iou: number;
  intersection: number | null;
  activation: number | null;
  truth: number | null;
  ceiling: number | null;
}

/** The ranked concepts of a unit, best first. */
export interface UnitReply {
  kind: "unit";
  id: string;
  ranking: RankedConcept[];
}

/** What went wrong with the request of this id, and what to do. */
export interface ErrorReply {
  kind: "error";
  id: string;
  error: string;
  hint: string;
}

export type Request = PicturesRequest | MapsRequest | LabelsRequest | UnitRequest;
export type Reply = PicturesReply | MapsReply | LabelsReply | UnitReply | ErrorReply;
