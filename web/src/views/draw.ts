/** A sketch or any image, under every model at once. */
import type { App } from "../app";
import type { Pictures } from "../arrays";
import { button, el, notice, round } from "../dom";
import { latest } from "../latest";
import type { Model } from "../manifest";
import { captioned, painted } from "../picture";
import { makeSketch } from "./sketch";
import { thumbnails } from "./thumbnails";

const NEAREST = 6;
const MOST_NUMBERS = 8;

/** The class by the model itself, or by the labels of the nearest images. */
async function named({ data }: App, model: Model, image: Pictures, near: number[]) {
  if (!data.source.cannot(model, "predict")) {
    const odds = Array.from(await data.source.predict(model, image));
    const best = odds.indexOf(Math.max(...odds));
    const word = model.classes?.[best] ?? `class ${best}`;
    return `class ${word}, ${Math.round(100 * odds[best])} % sure`;
  }
  const votes = new Map<string, number>();
  for (const label of await Promise.all(near.map((id) => data.labelOf(id))))
    if (label !== null) votes.set(label, (votes.get(label) ?? 0) + 1);
  const [first] = [...votes].sort((a, b) => b[1] - a[1]);
  return first && `class ${first[0]}, by ${first[1]} of ${near.length} nearest images`;
}

async function report(app: App, model: Model, image: Pictures): Promise<Node[]> {
  const { source } = app.data;
  const why = source.cannot(model, "encode");
  if (why) {
    if (source.cannot(model, "predict")) return [notice(why)];
    return [el("p", {}, (await named(app, model, image, [])) ?? "")];
  }
  const code = await source.encode(model, image);
  const parts: Node[] = [];
  if (!source.cannot(model, "decode")) {
    const back = await source.decode(model, code);
    const clean = await source.denoise(model, image);
    const pair = [
      captioned(painted("Reconstruction", back), "reconstruction"),
      captioned(painted("Denoised", clean), "denoised"),
    ];
    parts.push(el("div", { className: "strip" }, ...pair));
  }
  const near = model.codes ? await app.data.nearest(model, code, NEAREST) : [];
  const word = await named(app, model, image, near);
  if (word) parts.push(el("p", { className: "class" }, word));
  const start = Array.from(code.subarray(0, MOST_NUMBERS), (x) => round(x, 3)).join(", ");
  const more = code.length > MOST_NUMBERS ? ", …" : "";
  parts.push(el("p", { className: "code" }, `code ${start}${more}`));
  if (near.length) parts.push(el("p", {}, "nearest images"), await thumbnails(app, near));
  return parts;
}

export function makeDraw(app: App): HTMLElement {
  const { data, store, act } = app;
  const results = el("div", { className: "results" });
  const seen = el("div", { className: "seen" });
  const rows = data.manifest.models
    .filter((model) => model.code !== "pixels")
    .map((model) => ({ model, host: el("div", {}, notice("Draw something.")) }));
  for (const { model, host } of rows) {
    const use = button("On the map", () => void land(model), { className: "plain" });
    const head = el("h3", {}, model.name, ` (${model.family}) `, model.layouts.length > 0 && use);
    results.append(el("section", { "aria-label": model.name }, head, host));
  }

  async function land(model: Model): Promise<void> {
    const code = await data.source.encode(model, sketch.read());
    if (store.view.model !== model.name) act.useModel(model.name);
    await act.land(Array.from(code));
  }

  const work = latest(
    async (image: Pictures) => {
      seen.replaceChildren(captioned(painted("What the models see", image), "what models see"));
      for (const { model, host } of rows) {
        const parts = await report(app, model, image).catch((e: Error) => [
          notice(e.message, "alert"),
        ]);
        host.replaceChildren(...parts);
      }
    },
    () => results.setAttribute("data-done", String(performance.now())),
    app.fail,
  );
  const sketch = makeSketch(
    data.manifest.images.shape,
    () => {
      try {
        work(sketch.read());
      } catch (error) {
        results.replaceChildren(notice((error as Error).message, "alert"));
      }
    },
    app.fail,
  );
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
  sketch.element.querySelector(".tools")?.append(seen);
  return el("div", {}, sketch.element, results);
}
