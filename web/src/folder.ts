/** Verbs answered by the page itself, from files: networks by ONNX, prototypes by looking up. */
import {
  type Codes,
  nearestRows,
  type Numbers,
  type Pictures,
  toBytes,
  toFigures,
} from "./arrays";
import { fitFile } from "./fit";
import type { Ability, Files, Verbs } from "./contract";
import { inability } from "./live";
import type { Model } from "./manifest";
import { normals } from "./random";
import { type Network, openNetwork } from "./network";
import { once } from "./once";

const IN_A_FOLDER: Partial<Record<Ability, string>> = {
  predict: "Classes are named by the server alone: run `isthmus explore` for them.",
  segment:
    "Pixels are labelled by the server alone, and this page came from a folder: run " +
    "`isthmus explore` on the model to see its attributes and label maps.",
  cell: "Cells are decoded by the server alone: run `isthmus explore` to look into them.",
};

export function folderVerbs({ manifest, file }: Files): Verbs {
  const { shape, range } = manifest.images;
  const d = shape[0] * shape[1] * shape[2];
  const networks = once<Network>((path) => openNetwork(`data/${path}`));

  function cannot(model: Model, ability: Ability): string | null {
    const never = inability(model, ability) ?? IN_A_FOLDER[ability];
    if (never) return never;
    if (model.code === "index") return null; // prototypes say it all
    const needed = { decode: ["decode"], encode: ["encode"], denoise: ["encode", "decode"] };
    for (const way of needed[ability as "decode"] ?? [])
      if (!model.onnx[way as "decode"])
        return `This folder holds no ${way}r of ${model.name}: export it again, or run \`isthmus explore\`.`;
    return null;
  }

  function refuse(model: Model, ability: Ability): void {
    const why = cannot(model, ability);
    if (why) throw new Error(why);
  }

  const prototypes = (model: Model): Promise<Numbers> => file(`prototypes/${model.name}.u8`);

  async function fromPrototypes(model: Model, codes: Codes): Promise<Pictures> {
    const all = (await prototypes(model)) as Uint8Array;
    const data = new Uint8Array(codes.length * d);
    codes.forEach((unit, i) => data.set(all.subarray(unit * d, (unit + 1) * d), i * d));
    return { count: codes.length, shape, data };
  }

  async function decode(model: Model, codes: Codes): Promise<Pictures> {
    refuse(model, "decode");
    if (model.code === "index") return fromPrototypes(model, codes);
    const net = await networks(model.onnx.decode as string);
    const out = await net(codes as Float32Array, [codes.length / model.width, model.width]);
    return { count: out.length / d, shape, data: toBytes(out, range) };
  }

  async function encode(model: Model, images: Pictures): Promise<Codes> {
    refuse(model, "encode");
    if (model.code === "index") {
      const all = await prototypes(model);
      const rows = Array.from({ length: images.count }, (_, i) => images.data.subarray(i * d));
      return Int32Array.from(rows, (one) => nearestRows(all, d, one, 1).ids[0]);
    }
    const net = await networks(model.onnx.encode as string);
    return net(toFigures(images.data, range), [images.count, ...shape]);
  }

  async function codesOf(model: Model): Promise<Float32Array> {
    const count = manifest.images.count * model.width;
    return (await file(model.codes as string, count)) as Float32Array;
  }

  return {
    tags: null,
    cannot,
    decode,
    encode,
    images: null,
    open: (file) => fitFile(file, shape, manifest.images.fit ?? "crop"),
    denoise: async (model, images) => {
      if (Array.isArray(images)) throw new Error(cannot(model, "cell") as string);
      return decode(model, await encode(model, images));
    },
    predict: async (model) => {
      throw new Error(cannot(model, "predict") as string);
    },
    segment: async (model) => {
      throw new Error(cannot(model, "segment") as string);
    },
    labels: async () => {
      throw new Error("Label maps are at hand by `isthmus explore` alone, not in a folder.");
    },
    grid: async (model) => {
      throw new Error(cannot(model, "cell") as string);
    },
    cell: async (model) => {
      throw new Error(cannot(model, "cell") as string);
    },
    useBands: null,
    sheet: () => null,
    nearest: async (model, code, k) => nearestRows(await codesOf(model), model.width, code, k).ids,
    samplers: (model) => {
      const ours = model.samplers.filter((name) => name === "prior" || name === "gaussian");
      return ours.length ? ours : [model.code === "index" ? "prior" : "gaussian"];
    },
    sample: async (model, draw) => {
      if (model.code === "vector") return gaussian(model, draw.n, draw);
      const { count } = manifest.images;
      const codes = await file(model.codes as string, count);
      const random = normals(draw.seed).uniform;
      return Int32Array.from({ length: draw.n }, () => codes[Math.floor(random() * count)]);
    },
  };
}

/** Codes around the mean of those of images, or around 0 with deviation 1 for the prior. */
function gaussian(
  model: Model,
  n: number,
  { seed, temperature, sampler }: { seed: number; temperature: number; sampler: string },
): Float32Array {
  const normal = normals(seed).normal;
  const prior = sampler === "prior";
  return Float32Array.from({ length: n * model.width }, (_, i) => {
    const j = i % model.width;
    const step = normal() * temperature;
    return prior ? step : model.mean[j] + step * model.deviation[j];
  });
}
