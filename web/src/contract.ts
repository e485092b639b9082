/**
 * What a source can be asked: the only seam between the page and what feeds it.
 *
 * A live server answers every verb; a folder is asked for files, and the page itself decodes.
 * Nothing outside `source.ts`, `live.ts` and `folder.ts` knows which of them it has.
 */
import type { Codes, Numbers, Pictures } from "./arrays";
import type { Manifest, Model } from "./manifest";

export type Ability =
  | "encode"
  | "decode"
  | "sample"
  | "predict"
  | "nearest"
  | "denoise"
  | "segment"
  | "cell";

export interface Draw {
  n: number;
  seed: number;
  temperature: number;
  sampler: string;
}

/** Pixel networks answer with label maps (m, h, w) or attributes (m, h, w, k). */
export interface Segments {
  kind: "labels" | "attributes";
  shape: number[];
  data: Numbers;
}

/** Images as pixels, or by their numbers; of rasters a page has no pixels that models know. */
export type Given = Pictures | number[];

/** A cell of the grid of an image. */
export interface Place {
  id: number;
  row: number;
  column: number;
}

export type Tags = Record<string, number[]>;

/** Where words that images were given are kept, but for the browser. */
export interface Shelf {
  read(): Promise<Tags>;
  write(tags: Tags): Promise<void>;
}

export interface Verbs {
  /** Null where only the browser keeps tags. */
  tags: Shelf | null;
  /** Why `model` cannot do this here, as a sentence; null where it can. */
  cannot(model: Model, ability: Ability): string | null;
  decode(model: Model, codes: Codes): Promise<Pictures>;
  encode(model: Model, images: Pictures): Promise<Codes>;
  denoise(model: Model, images: Given): Promise<Pictures>;
  predict(model: Model, images: Given): Promise<Float32Array>;
  nearest(model: Model, code: Codes, k: number): Promise<number[]>;
  sample(model: Model, draw: Draw): Promise<Codes>;
  /** An image file in the shape that models know. */
  open(file: File): Promise<Pictures>;
  segment(model: Model, images: Given, what: Segments["kind"]): Promise<Segments>;
  /** The label maps that came with images. */
  labels(ids: number[]): Promise<Segments>;
  /** The grid of codes of an image. */
  grid(model: Model, id: number): Promise<Codes>;
  /** An image decoded with each of some codes in one cell of its grid. */
  cell(model: Model, at: Place, codes: Codes): Promise<Pictures>;
  /** Show other bands of rasters from now on; null where they cannot be chosen. */
  useBands: ((bands: number[] | null) => void) | null;
  /** A sheet of thumbnails by the bands that were chosen; null where none were. */
  sheet(page: number): Promise<Pictures> | null;
  /** Whole images; null where only their thumbnails are at hand. */
  images: ((ids: number[]) => Promise<Pictures>) | null;
  samplers(model: Model): string[];
}

export interface Source extends Verbs {
  manifest: Manifest;
  /** Numbers of a file below data/, fetched once. */
  file(name: string, count?: number): Promise<Numbers>;
  atlasPage(page: number): Promise<ImageBitmap>;
}

/** What both kinds of source have. */
export type Files = Pick<Source, "manifest" | "file" | "atlasPage">;
