/** What the page is told about images and models, and the checks that it was told so. */

import type { Fit } from "./fit";

/** Of rasters: bands can be chosen; each is stretched between two percentiles of all images. */
export interface Bands {
  names: string[];
  shown: number[];
  ends: [number[], number[]];
  percentiles: [number, number];
}

/** Of codes that keep their place: a grid of cells, each with numbers or one index. */
export interface Cells {
  kind: "vector" | "index";
  rows: number;
  columns: number;
  /** Of a cell, and from one to the next, in pixels. */
  side: number;
  stride: number;
  /** Numbers of a cell, or indices there are. */
  width: number;
  low: number[];
  high: number[];
}

export type Verb = "encode" | "decode" | "sample" | "predict";

export interface Atlas {
  columns: number;
  tile: [number, number];
  pages: number;
}

export interface Colour {
  id: string;
  title: string;
  kind: "category" | "number";
  model: string | null;
  file: string;
  categories?: string[];
  range?: [number, number];
}

export interface Layout {
  id: string;
  title: string;
  dimensions: 2 | 3;
  file: string;
  /** Of a linear layout, how a place becomes a code: mean + place @ axes. */
  inverse: { mean: number[]; axes: number[][] } | null;
}

/** What tells the layouts of a model apart: one id may come in two and in three dimensions. */
export const layoutKey = ({ id, dimensions }: Layout): string => `${id}-${dimensions}`;

export interface Model {
  name: string;
  family: string;
  about: string;
  code: "vector" | "index" | "pixels" | "cells";
  width: number;
  cells?: Cells | null;
  can: Verb[];
  codes: string | null;
  order: number[];
  usefulness: number[];
  low: number[];
  high: number[];
  mean: number[];
  deviation: number[];
  layouts: Layout[];
  grid: { rows: number; columns: number; topology: "rectangular" | "hexagonal" } | null;
  samplers: string[];
  classes: string[] | null;
  scores: Record<string, number | null>;
  onnx: { decode: string | null; encode: string | null };
}

/** How a score is read; a unit of "%" means that the score is a share of one. */
export interface Metric {
  title: string;
  unit: string;
  better: "higher" | "lower";
  decimals: number | null;
  meaning: string;
}

export interface Manifest {
  version: 1;
  title: string;
  live: boolean;
  images: {
    count: number;
    shape: [number, number, number];
    range: [number, number];
    /** How images of other sizes come to this shape. */
    fit?: Fit;
    bands?: Bands | null;
    /** Classes of the label maps that came with the images. */
    label_maps?: string[] | null;
    atlas: Atlas;
  };
  splits: { name: string; start: number; end: number }[];
  names: string[] | null;
  colours: Colour[];
  /** What the scores are, by their names. */
  metrics?: Record<string, Metric>;
  models: Model[];
}

type Check = (value: unknown, at: string) => void;
type Fields = Record<string, Check>;

function must(good: boolean, at: string, wanted: string, value: unknown): asserts good {
  if (good) return;
  const given = value === undefined ? "nothing" : JSON.stringify(value)?.slice(0, 60);
  throw new Error(`data/manifest.json is malformed: ${at} must be ${wanted}, but is ${given}.`);
}

const text: Check = (v, at) => must(typeof v === "string", at, "text", v);
const flag: Check = (v, at) => must(typeof v === "boolean", at, "true or false", v);
const figure: Check = (v, at) => must(typeof v === "number", at, "a number", v);
const count: Check = (v, at) =>
  must(Number.isInteger(v) && (v as number) >= 0, at, "a whole number from 0 up", v);
const anything: Check = () => undefined;

const oneOf =
  (...words: unknown[]): Check =>
  (v, at) =>
    must(words.includes(v), at, `one of ${words.map((w) => JSON.stringify(w)).join(", ")}`, v);

const orNull =
  (check: Check): Check =>
  (v, at) =>
    v === null || check(v, at);

const optional =
  (check: Check): Check =>
  (v, at) =>
    v === undefined || v === null || check(v, at);

const list =
  (check: Check, length?: number): Check =>
  (v, at) => {
    must(Array.isArray(v), at, "a list", v);
    if (length !== undefined) must(v.length === length, at, `a list of ${length}`, v);
    v.forEach((item, i) => check(item, `${at}[${i}]`));
  };

const record =
  (fields: Fields): Check =>
  (v, at) => {
    must(typeof v === "object" && v !== null && !Array.isArray(v), at, "an object", v);
    for (const [name, check] of Object.entries(fields))
      check((v as Record<string, unknown>)[name], at ? `${at}.${name}` : name);
  };

const IMAGES = record({
  count,
  shape: list(count, 3),
  range: list(figure, 2),
  fit: optional(oneOf("crop", "pad", "stretch")),
  bands: optional(
    record({
      names: list(text),
      shown: list(count, 3),
      ends: list(list(figure), 2),
      percentiles: list(figure, 2),
    }),
  ),
  label_maps: optional(list(text)),
  atlas: record({ columns: count, tile: list(count, 2), pages: count }),
});

const COLOUR = record({
  id: text,
  title: text,
  kind: oneOf("category", "number"),
  model: orNull(text),
  file: text,
  categories: optional(list(text)),
  range: optional(list(figure, 2)),
});

const LAYOUT = record({
  id: text,
  title: text,
  dimensions: oneOf(2, 3),
  file: text,
  inverse: orNull(record({ mean: list(figure), axes: list(list(figure)) })),
});

const MODEL = record({
  name: text,
  family: text,
  about: text,
  code: oneOf("vector", "index", "pixels", "cells"),
  width: count,
  cells: optional(
    record({
      kind: oneOf("vector", "index"),
      rows: count,
      columns: count,
      side: count,
      stride: count,
      width: count,
      low: list(figure),
      high: list(figure),
    }),
  ),
  can: list(text),
  codes: orNull(text),
  layouts: list(LAYOUT),
  grid: orNull(record({ rows: count, columns: count, topology: text })),
  samplers: list(text),
  classes: orNull(list(text)),
  scores: record({}),
  onnx: record({ decode: orNull(text), encode: orNull(text) }),
});

const MANIFEST = record({
  version: anything,
  title: text,
  live: flag,
  images: IMAGES,
  splits: list(record({ name: text, start: count, end: count })),
  names: orNull(list(text)),
  colours: list(COLOUR),
  metrics: optional(record({})),
  models: list(MODEL),
});

/** One entry per latent dimension, needed where codes are vectors. */
function checkNumbers(model: Model, at: string): void {
  for (const name of ["order", "usefulness", "low", "high", "mean", "deviation"] as const)
    list(figure, model.width)(model[name], `${at}.${name}`);
}

/** Read a manifest, or say in one sentence which part of it is wrong. */
export function parseManifest(json: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new Error(`data/manifest.json is malformed: ${(error as Error).message}.`);
  }
  MANIFEST(value, "");
  const manifest = value as Manifest;
  must(manifest.version === 1, "version", "1 (this page knows no other)", manifest.version);
  must(manifest.models.length > 0, "models", "a list of at least one model", []);
  manifest.models.forEach((model, i) => {
    if (model.code === "vector") checkNumbers(model, `models[${i}]`);
  });
  return manifest;
}
