/**
 * The only seam between the page and what feeds it.
 *
 * A live server answers every verb; a folder is asked for files, and the page itself decodes.
 * Nothing outside `source.ts`, `live.ts` and `folder.ts` knows which of them it has.
 */
import type { Codes, Numbers, Pictures } from "./arrays";
import { fetchFile, numbers } from "./arrays";
import { folderVerbs } from "./folder";
import { liveVerbs } from "./live";
import { type Manifest, type Model, parseManifest } from "./manifest";

export type Ability =
  | "encode"
  | "decode"
  | "sample"
  | "predict"
  | "nearest"
  | "denoise"
  | "segment";

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

export interface Verbs {
  /** Why `model` cannot do this here, as a sentence; null where it can. */
  cannot(model: Model, ability: Ability): string | null;
  decode(model: Model, codes: Codes): Promise<Pictures>;
  encode(model: Model, images: Pictures): Promise<Codes>;
  denoise(model: Model, images: Pictures): Promise<Pictures>;
  predict(model: Model, images: Pictures): Promise<Float32Array>;
  nearest(model: Model, code: Codes, k: number): Promise<number[]>;
  sample(model: Model, draw: Draw): Promise<Codes>;
  /** An image file in the shape that models know. */
  open(file: File): Promise<Pictures>;
  segment(model: Model, images: Pictures, what: Segments["kind"]): Promise<Segments>;
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

/** Keep the promise of every key; failures are forgotten, so that they can be tried again. */
export function once<T>(make: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const kept = new Map<string, Promise<T>>();
  return (key) => {
    let value = kept.get(key);
    if (!value) {
      value = make(key);
      kept.set(key, value);
      value.catch(() => kept.delete(key));
    }
    return value;
  };
}

async function fetchPage(page: number): Promise<ImageBitmap> {
  const name = `data/atlas/${page}.png`;
  const blob = await (await fetchFile(name)).blob();
  try {
    return await createImageBitmap(blob, {
      premultiplyAlpha: "none",
      colorSpaceConversion: "none",
    });
  } catch {
    throw new Error(`${name} is not a readable PNG: export the explorer again.`);
  }
}

/** Read the manifest and find out who will answer. */
export async function openSource(token: string | null): Promise<Source> {
  const manifest = parseManifest(await (await fetchFile("data/manifest.json")).text());
  const buffers = once(async (name) => (await fetchFile(`data/${name}`)).arrayBuffer());
  const files = {
    manifest,
    file: async (name: string, count?: number) => numbers(await buffers(name), name, count),
    atlasPage: fetchPage,
  };
  const verbs = manifest.live ? liveVerbs(files, token) : folderVerbs(files);
  return { ...files, ...verbs };
}

export type Files = Pick<Source, "manifest" | "file" | "atlasPage">;
