/** A sketch or any image, with noise if wanted, under every model at once. */
import type { App } from "../app";
import type { Codes, Pictures } from "../arrays";
import { button, el, labelled, notice, round, slider } from "../dom";
import { latest } from "../latest";
import type { Model } from "../manifest";
import { captioned, painted } from "../picture";
import { normals } from "../random";
import { oddsOf } from "./odds";
import { makeSketch } from "./sketch";
import { thumbnails } from "./thumbnails";

const NEAREST = 6;
const MOST_NUMBERS = 8;
const MOST_NOISE = 0.8; // standard deviation, of a range of 1

/** What models are given, and what was drawn before noise was laid on it. */
interface Given {
  image: Pictures;
  clean: Pictures;
  noise: number;
}

/** The image with Gaussian noise, the same one every time. */
function noisy(clean: Pictures, noise: number): Pictures {
  const { normal } = normals(1);
  const data = Uint8ClampedArray.from(clean.data, (x) => x + 255 * noise * normal());
  return { ...clean, data };
}

const titled = ({ name, family }: Model): string =>
  name === family ? name : `${name} (${family})`;

/** The mean squared difference of two images, of a range of 1. */
function squaredError(a: Pictures, b: Pictures): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += ((a.data[i] - b.data[i]) / 255) ** 2;
  return sum / a.data.length;
}

/** The class that most of the nearest images have. */
async function voted({ data }: App, near: number[]): Promise<string | undefined> {
  const votes = new Map<string, number>();
  for (const label of await Promise.all(near.map((id) => data.labelOf(id))))
    if (label !== null) votes.set(label, (votes.get(label) ?? 0) + 1);
  const [first] = [...votes].sort((a, b) => b[1] - a[1]);
  return first && `class ${first[0]}, by ${first[1]} of ${near.length} nearest images`;
}

async function decoded({ data }: App, model: Model, code: Codes, given: Given): Promise<Node> {
  const { image, clean, noise } = given;
  const back = await (noise ? data.source.denoise(model, image) : data.source.decode(model, code));
  const [label, caption] = noise ? ["Denoised", "denoised"] : ["Reconstruction", "reconstruction"];
  const error = `squared error of a pixel ${round(squaredError(back, clean), 2)}`;
  const words = el("p", { className: "words" }, error + (noise ? ", against the clean image" : ""));
  return el("div", { className: "strip" }, captioned(painted(label, back), caption), words);
}

async function report(app: App, model: Model, given: Given): Promise<Node[]> {
  const { source } = app.data;
  const { image } = given;
  const parts: Node[] = [];
  const predicts = !source.cannot(model, "predict");
  if (predicts) parts.push(await oddsOf(app, model, image));
  const why = source.cannot(model, "encode");
  if (why) return predicts ? parts : [notice(why)];
  const code = await source.encode(model, image);
  if (!source.cannot(model, "decode")) parts.push(await decoded(app, model, code, given));
  const near = model.codes ? await app.data.nearest(model, code, NEAREST) : [];
  const word = predicts ? undefined : await voted(app, near);
  if (word) parts.push(el("p", { className: "class" }, word));
  const start = Array.from(code.subarray(0, MOST_NUMBERS), (x) => round(x, 3)).join(", ");
  const more = code.length > MOST_NUMBERS ? ", …" : "";
  parts.push(el("p", { className: "code" }, `code ${start}${more}`));
  if (near.length) parts.push(el("p", {}, "nearest images"), await thumbnails(app, near));
  return parts;
}

export function makeDraw(app: App): HTMLElement {
  const { data, store, act } = app;
  const { bands } = data.manifest.images;
  if (bands) {
    const words = `These images have ${bands.names.length} bands, and a drawing has three at most`;
    return el("div", {}, notice(`${words}: no model can take it.`));
  }
  const results = el("div", { className: "results" });
  const seen = el("div", { className: "seen" });
  const rows = data.manifest.models
    .filter((model) => model.code !== "pixels" && model.code !== "cells")
    .map((model) => ({ model, host: el("div", {}, notice("Draw something.")) }));
  for (const { model, host } of rows) {
    const use = button("On the map", () => void land(model), { className: "plain" });
    const head = el("h3", {}, `${titled(model)} `, model.layouts.length > 0 && use);
    results.append(el("section", { "aria-label": model.name }, head, host));
  }

  async function land(model: Model): Promise<void> {
    const code = await data.source.encode(model, given().image);
    if (store.view.model !== model.name) act.useModel(model.name);
    await act.land(Array.from(code));
  }

  const work = latest(
    async (given: Given) => {
      const shown = painted("What the models see", given.image);
      seen.replaceChildren(captioned(shown, "what models see"));
      for (const { model, host } of rows) {
        const parts = await report(app, model, given).catch((e: Error) => [
          notice(e.message, "alert"),
        ]);
        host.replaceChildren(...parts);
      }
    },
    () => results.setAttribute("data-done", String(performance.now())),
    app.fail,
  );
  const again = (): void => {
    try {
      work(given());
    } catch (error) {
      results.replaceChildren(notice((error as Error).message, "alert"));
    }
  };
  const { shape, fit } = data.manifest.images;
  const sketch = makeSketch(shape, again, app.fail, data.source.open, fit ?? "crop");
  const noise = slider([0, MOST_NOISE], 0, again);
  function given(): Given {
    const [clean, level] = [sketch.read(), noise.valueAsNumber];
    return { clean, noise: level, image: level ? noisy(clean, level) : clean };
  }
  const take = button("Take the chosen image", () => {
    const { picked } = store.view;
    if (picked === null) return app.say("Choose an image on the map first");
    void data.atlas
      .tile(picked)
      .then(async ({ page, x, y, w, h }) => createImageBitmap(page, x, y, w, h))
      .then((image) => sketch.put(image, image.width, image.height))
      .catch(app.fail);
  });
  sketch.element.querySelector(".tools .row")?.append(take);
  sketch.element.querySelector(".tools")?.append(labelled("Noise laid on it", noise), seen);
  return el("div", {}, sketch.element, results);
}
