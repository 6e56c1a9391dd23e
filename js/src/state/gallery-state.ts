// Written by tools/generate_state.py from nbdissect/display/gallery_state.py: change that, and run it.
import type { DissectionTable } from "../protocol";

export type Sort = "iou" | "unit" | "concept" | "activation";
export type Only = "detectors" | "unlabelled" | "all";
export type Overlay = "mask" | "outline" | "heat" | "none";
export type Change = "gained" | "lost" | "kept";
export type Units = number[] | string[];

/** All that people can set: traits of the widget, kept in pages, and in sync with the page. */
export interface GalleryState {
  current: string;
  compare: string[];
  change: Change[];
  min_iou: number;
  only: Only;
  query: string;
  category: string[];
  concept: number | null;
  _chosen: number[] | null;
  sort: Sort;
  overlay: Overlay;
  selected: Units;
  opened: string;
}

/** All that the widget and its page share: what people can set, the numbers, and what the page is drawn with. */
export interface WidgetState extends GalleryState {
  _style: string;
  _tables: DissectionTable[];
  _several: boolean;
  _whole: string;
  _names: string[];
  stands_for: string;
}

/** What a gallery begins with where nobody says otherwise. */
export const DEFAULTS: GalleryState = {
  current: "",
  compare: [],
  change: [],
  min_iou: 0.04,
  only: "detectors",
  query: "",
  category: [],
  concept: null,
  _chosen: null,
  sort: "iou",
  overlay: "mask",
  selected: [],
  opened: "",
};
