// Everything that passes between the kernel and the page. The kernel's half is
// nbdissect/display/protocol.py; tests/display/test_protocol.py compares the two.

import type { GalleryState } from "./state/gallery-state";

/** Why the size of a concept limits its IoU, in words. */
export interface LimitRow {
  concept: number;
  coverage: number | null;
  reason: string;
}

/** An array of numbers: their numpy dtype ("<f4"), their shape, and their bytes row by row, little-endian. */
export interface WireArray {
  dtype: string;
  shape: number[];
  data: DataView;
}

/** One dissection without its images. U units, C concepts, G categories. */
export interface DissectionTable {
  key: string;
  photographs: string; // the same in results over one data set, which share their photographs
  data_set: string; // the same in results over one data set, as far as they tell
  layer: string;
  model: string;
  facts: string;
  semantics: string;
  quantile: number | null;
  warning: string;
  note: string;
  provisional: string; // what it is over while it isn't complete, else ""
  explains: boolean; // whether its network lives, to be run on one image
  categories: string[];
  names: string[];
  numbers: number[];
  limits: LimitRow[];
  field: number[]; // first centers, steps and image size of the receptive fields; empty: half-pixel centers
  units: number;
  top: number;
  category_of: WireArray; // int32 [C]
  ceilings: WireArray; // float64 [C]
  best: WireArray; // int32 [U]
  best_iou: WireArray; // float64 [U]
  second: WireArray; // int32 [U]
  second_iou: WireArray; // float64 [U]
  champions: WireArray; // int32 [U, G]
  champion_iou: WireArray; // float64 [U, G]
  leaders: WireArray; // int32 [C]
  leader_iou: WireArray; // float64 [C]
  thresholds: WireArray; // float32 [U]
  strongest: WireArray; // float32 [U]
  top_images: WireArray; // int32 [U, top]
  silent: WireArray; // int32 [U]
}

/** What a page says once it shows a gallery; nothing is answered. */
export interface Hello {
  kind: "hello";
}

/** Asks for photographs by their index in the data set. */
export interface PicturesRequest {
  kind: "pictures";
  id: string;
  key: string;
  images: number[];
}

/**
 * One buffer per image: an encoded picture, empty where `problems` says why.
 * `scenes` says where each was taken; empty where the data set doesn't.
 */
export interface PicturesReply {
  kind: "pictures";
  id: string;
  images: number[];
  types: string[];
  scenes: string[];
  problems: string[];
}

/** Asks for one photograph at its own resolution. */
export interface PhotographRequest {
  kind: "photograph";
  id: string;
  key: string;
  image: number;
}

/** One buffer: the encoded picture, as large as the data set has it. */
export interface PhotographReply {
  kind: "photograph";
  id: string;
  type: string;
}

/** Asks for the raw activation maps of some units in their strongest images. */
export interface MapsRequest {
  kind: "maps";
  id: string;
  key: string;
  units: number[];
}

/**
 * Two buffers: float32 maps one after the other, `top` per unit, and the peak of each, NaN = not known.
 * Sizes and mask grids are [height, width]. A map that was larger than its grid comes averaged: the
 * peak is that of the map as it was recorded.
 * `images` are those that the maps are of: a result may be replaced by a newer one at any time.
 * `problems` says of each map why it isn't there; its size is then [0, 0].
 */
export interface MapsReply {
  kind: "maps";
  id: string;
  units: number[];
  images: number[];
  sizes: number[][];
  grids: number[][];
  problems: string[];
}

/** Asks where a concept (a column) is in the strongest images of a unit. */
export interface LabelsRequest {
  kind: "labels";
  id: string;
  key: string;
  unit: number;
  concept: number;
}

/**
 * One buffer: bytes 0 and 1 on the mask grids, image after image. `carries` says of each image whether
 * it has labels of the concept's category: only those were counted. `problems` says why an image
 * couldn't be read; its grid is then [0, 0].
 */
export interface LabelsReply {
  kind: "labels";
  id: string;
  grids: number[][];
  carries: boolean[];
  problems: string[];
}

/** Asks which units fire on an image: the network is run on it once more. */
export interface ExplainRequest {
  kind: "explain";
  id: string;
  key: string;
  image: number;
}

/**
 * The units that fire, strongest first, at most 60 of the `firing` that do. One buffer: their float32 maps, each of
 * `size`, for masks of `grid`, both [height, width]. A strength
 * is "new" where a unit fires nowhere in the data set.
 */
export interface ExplainReply {
  kind: "explain";
  id: string;
  units: number[];
  strengths: string[];
  firing: number;
  size: number[];
  grid: number[];
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

/** The ranked concepts of a unit, best first, and how sure its label is; "" where that isn't known. */
export interface UnitReply {
  kind: "unit";
  id: string;
  ranking: RankedConcept[];
  evidence: string;
}

/** Asks for a page of some units, by address. */
export interface ExportRequest {
  kind: "export";
  id: string;
  key: string;
  units: string[];
}

/** One buffer: the page. `name` is what its file may be called. */
export interface ExportReply {
  kind: "export";
  id: string;
  name: string;
}

/** What went wrong with the request of this id, and what to do. */
export interface ErrorReply {
  kind: "error";
  id: string;
  error: string;
  hint: string;
}

/** Pictures and maps that nobody asked for: those of `maps.units`, and the photographs not sent like this before. */
export interface Strips {
  kind: "strips";
  key: string;
  photographs: string;
  maps: MapsReply; // the first two buffers
  pictures: PicturesReply; // the others
}

/** A named array whose bytes lie elsewhere: those of all parts, one after the other. */
export interface EmbeddedPart {
  name: string;
  dtype: string;
  shape: number[];
}

/** The photographs of one data set that a page carries; each begins at a multiple of four letters of base64. */
export interface EmbeddedAlbum {
  type: string;
  images: number[];
  scenes: string[];
  bytes: number[];
  text: string;
}

/** One dissection of a page without a kernel; nbdissect/display/protocol.py says what its parts are. */
export interface EmbeddedDissection {
  table: DissectionTable;
  album: number;
  parts: EmbeddedPart[];
  numbers: string;
  maps: string; // float32, as in MapsReply
  masks: string; // one bit per pixel, highest first; each pair begins at a byte
  evidence: string[]; // how sure the label of each unit is; empty where that isn't known
}

/** Everything that a page without a kernel carries. */
export interface EmbeddedGallery {
  version: number;
  style: string;
  several: boolean;
  state: GalleryState;
  remark: string;
  dissections: EmbeddedDissection[];
  albums: EmbeddedAlbum[];
}

export type Request =
  | PicturesRequest
  | PhotographRequest
  | MapsRequest
  | LabelsRequest
  | ExplainRequest
  | UnitRequest
  | ExportRequest;
export type Reply =
  | PicturesReply
  | PhotographReply
  | MapsReply
  | LabelsReply
  | ExplainReply
  | UnitReply
  | ExportReply
  | ErrorReply;
