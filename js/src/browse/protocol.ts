// Everything that passes between the kernel and the page of data.browse(). The kernel's half is
// nbdissect/display/browse_protocol.py; tests/display/test_protocol.py compares the two.

/** What is known of each concept, in their order: images that hold it, its share of all pixels, the highest IoU. */
export interface LabelCounts {
  counted: number; // images that were counted
  told: boolean; // whether the numbers are those of the data set's own tables
  images: number[];
  shares: number[];
  ceilings: number[];
}

/** A data set without its images. C concepts. */
export interface DataTable {
  title: string;
  images: number;
  categories: string[];
  names: string[];
  category_of: number[];
  quantile: number;
  min_iou: number;
  counts: LabelCounts;
}

/** Asks for an image and its labels. */
export interface ImageRequest {
  kind: "image";
  id: string;
  index: number;
}

/**
 * Two buffers: the encoded image, and uint16 planes [planes, height, width], one after the other.
 * A plane holds 0 where there is no concept, 65,535 where nobody knows, else 1 + a place in `concepts`, which holds
 * places in the list of all concepts. `whole` are those of the whole image. `shares` are of the image's pixels.
 */
export interface ImageReply {
  kind: "image";
  id: string;
  index: number;
  type: string;
  grid: number[];
  planes: string[]; // the category of each
  concepts: number[];
  shares: number[];
  whole: number[];
}

/** Asks for the next image from `start` on, in steps of 1 or −1, that holds a concept. */
export interface FindRequest {
  kind: "find";
  id: string;
  concept: number;
  start: number;
  step: number;
}

/** `found` is −1 where none was found yet: then one goes on at `next`, which is outside once all was looked at. */
export interface FindReply {
  kind: "find";
  id: string;
  found: number;
  next: number;
}

/** Asks to count some more images. */
export interface CountRequest {
  kind: "count";
  id: string;
}

/** The counts then. */
export interface CountReply {
  kind: "count";
  id: string;
  counts: LabelCounts;
}

/** What went wrong with the request of this id. */
export interface FailedReply {
  kind: "error";
  id: string;
  error: string;
}

export type DataRequest = ImageRequest | FindRequest | CountRequest;
export type DataReply = ImageReply | FindReply | CountReply | FailedReply;
