/** Verbs answered by the server that the page came from. */
import { type Codes, type Numbers, numbers, type Pictures } from "./arrays";
import type { Model } from "./manifest";
import type { Ability, Files, Given, Segments, Shelf, Tags, Verbs } from "./contract";

type Query = Record<string, string | number>;

interface Answer {
  data: Numbers;
  shape: number[];
}

/** The server's own sentence, or one that says what its status means. */
async function complaint(answer: Response): Promise<string> {
  try {
    return `The server says: ${((await answer.json()) as { error: string }).error}`;
  } catch {
    const meaning: Record<number, string> = {
      403: "the token in this page's address is not its own; open the address it printed",
      413: "the request is too large",
      429: "it is too busy; try again",
    };
    return `The server refused: ${meaning[answer.status] ?? `status ${answer.status}`}.`;
  }
}

const ABILITIES: Record<Ability, string> = {
  encode: "encode images",
  decode: "decode codes",
  sample: "draw samples",
  predict: "name classes",
  nearest: "search by code",
  denoise: "denoise",
  segment: "label pixels",
  cell: "change a cell",
};

function lacks(model: Model, ability: Ability): boolean {
  if (ability === "segment") return model.code !== "pixels";
  if (ability === "cell") return model.code !== "cells" || !model.can.includes("decode");
  if (model.code === "pixels") return true; // they say a class of every pixel, see segment
  if (ability === "nearest") return model.code !== "vector" || model.codes === null;
  if (ability === "denoise") return !model.can.includes("encode") || !model.can.includes("decode");
  return !model.can.includes(ability);
}

/** The plain sentence for what a family cannot do anywhere. */
export function inability(model: Model, ability: Ability): string | null {
  if (model.code === "cells" && ability !== "cell")
    return `${model.name} (${model.family}) has a code for every cell of an image: see Cells.`;
  return lacks(model, ability)
    ? `${model.name} (${model.family}) cannot ${ABILITIES[ability]}.`
    : null;
}

function shelf(token: string | null): Shelf {
  const path = `api/${encodeURIComponent(token ?? "none")}/tags`;
  async function ask(request: RequestInit): Promise<Tags> {
    const answer = await fetch(path, request).catch(() => {
      throw new Error("The server does not answer, so tags cannot be kept.");
    });
    if (!answer.ok) throw new Error(await complaint(answer));
    return (await answer.json()) as Tags;
  }
  return {
    read: () => ask({}),
    write: async (tags) => void (await ask({ method: "POST", body: JSON.stringify(tags) })),
  };
}

export function liveVerbs({ manifest }: Files, token: string | null): Verbs {
  async function ask(verb: string, query: Query, body: Codes | Uint8Array | null): Promise<Answer> {
    const words = new URLSearchParams(
      Object.entries(query).map(([name, value]) => [name, String(value)]),
    );
    let answer: Response;
    try {
      answer = await fetch(`api/${encodeURIComponent(token ?? "none")}/${verb}?${words}`, {
        method: "POST",
        headers: { "Content-Type": "application/octet-stream" },
        body: body as BodyInit | null,
      });
    } catch {
      throw new Error("The server does not answer: is `isthmus explore` still running?");
    }
    if (!answer.ok) throw new Error(await complaint(answer));
    const kind = answer.headers.get("X-Type") ?? "u8";
    const shape = (answer.headers.get("X-Shape") ?? "").split(",").map(Number);
    const count = shape.reduce((a, b) => a * b, 1);
    return { data: numbers(await answer.arrayBuffer(), `${verb}.${kind}`, count), shape };
  }

  let bands: number[] | null = null; // of rasters, where others than the usual were chosen

  async function pictures(
    verb: string,
    query: Query,
    body: Codes | Uint8Array | null,
  ): Promise<Pictures> {
    const chosen = bands ? { bands: bands.join(",") } : {};
    const { data, shape } = await ask(verb, { ...query, ...chosen }, body);
    return { count: shape[0], shape: [shape[1], shape[2], shape[3]], data: data as Uint8Array };
  }

  const plain = (images: Pictures): Uint8Array => Uint8Array.from(images.data);
  const about = (model: Model, images: Given): [Query, Codes | Uint8Array] =>
    Array.isArray(images)
      ? [{ model: model.name, by: "id" }, Int32Array.from(images)]
      : [{ model: model.name }, plain(images)];

  return {
    tags: shelf(token),
    cannot: inability,
    decode: (model, codes) => pictures("decode", { model: model.name }, codes),
    denoise: (model, images) => pictures("denoise", ...about(model, images)),
    open: async (file) => pictures("open", {}, new Uint8Array(await file.arrayBuffer())),
    images: (ids) => pictures("images", {}, Int32Array.from(ids)),
    samplers: (model) => model.samplers,
    encode: async (model, images) =>
      (await ask("encode", { model: model.name }, plain(images))).data as Codes,
    predict: async (model, images) =>
      (await ask("predict", ...about(model, images))).data as Float32Array,
    nearest: async (model, code, k) => {
      const least = Math.min(k, manifest.images.count);
      return Array.from((await ask("nearest", { model: model.name, k: least }, code)).data);
    },
    sample: async (model, draw) =>
      (await ask("sample", { model: model.name, ...draw }, null)).data as Codes,
    segment: async (model, images, what): Promise<Segments> => {
      const verb = what === "labels" ? "segment" : "encode"; // attributes are a pixel's code
      const { data, shape } = await ask(verb, ...about(model, images));
      return { kind: what, shape, data };
    },
    labels: async (ids): Promise<Segments> => {
      const { data, shape } = await ask("labels", {}, Int32Array.from(ids));
      return { kind: "labels", shape, data };
    },
    grid: async (model, id) => (await ask("encode", ...about(model, [id]))).data as Codes,
    cell: (model, at, codes) => pictures("cell", { model: model.name, ...at }, codes),
    useBands: manifest.images.bands ? (chosen) => void (bands = chosen) : null,
    sheet: (page) => (bands ? pictures("sheet", { page }, null) : null),
  };
}
