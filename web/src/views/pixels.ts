/** What pixel networks see: a class or attributes for every pixel, over the image. */
import { type App, drawn } from "../app";
import type { Pictures } from "../arrays";
import { choice, el, labelled, notice, round, slider } from "../dom";
import { categoryColour, css } from "../map/colours";
import type { Model } from "../manifest";
import { captioned, frame, painted } from "../picture";
import type { Segments } from "../contract";
import { className } from "./odds";

const NO_CLASS = 255;

function attributeImages({ shape, data }: Segments): HTMLElement[] {
  const [, h, w, k] = shape;
  return Array.from({ length: k }, (_, j) => {
    const values = Float32Array.from({ length: h * w }, (__, i) => data[i * k + j]);
    const low = values.reduce((a, b) => Math.min(a, b), Infinity);
    const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
    const grey = values.map((v) => (255 * (v - low)) / (high - low || 1));
    const image: Pictures = { count: 1, shape: [h, w, 1], data: Uint8Array.from(grey) };
    const ends = `${round(low, 2)} to ${round(high, 2)}`;
    return captioned(painted(`Attribute ${j}`, image), `attribute ${j}: ${ends}`);
  });
}

function labelImage({ shape, data }: Segments): ImageData {
  const out = new ImageData(shape[2], shape[1]);
  for (let i = 0; i < shape[1] * shape[2]; i++)
    if (data[i] !== NO_CLASS) out.data.set([...categoryColour(data[i]), 255], 4 * i);
  return out;
}

function legend(model: Model, found: Segments): HTMLElement {
  const counts = new Uint32Array(NO_CLASS + 1);
  for (const label of found.data) counts[label]++;
  const seen = Array.from(counts.keys()).filter((i) => counts[i] && i !== NO_CLASS);
  const items = seen.map((i) => {
    const swatch = el("span", { className: "swatch" });
    swatch.style.background = css(categoryColour(i));
    const share = Math.round((100 * counts[i]) / found.data.length) || "under 1";
    const words = `${className(model, i)}, ${share} % of pixels`;
    return el("li", {}, swatch, words);
  });
  return el("ul", { className: "classes" }, ...items);
}

async function overlay(image: Pictures, model: Model, found: Segments): Promise<HTMLElement[]> {
  const canvas = frame("Classes over the image", { className: "picture photo", id: "overlay" });
  const [h, w] = [found.shape[1], found.shape[2]];
  canvas.width = w;
  canvas.height = h;
  const labels = await createImageBitmap(labelImage(found));
  const below = painted("", image);
  const blend = (share: number): void => {
    const pen = canvas.getContext("2d") as CanvasRenderingContext2D;
    pen.globalAlpha = 1;
    pen.drawImage(below, 0, 0, w, h);
    pen.globalAlpha = share;
    pen.drawImage(labels, 0, 0);
  };
  blend(0.5);
  const share = slider([0, 1], 0.5, blend);
  return [canvas, labelled("Strength of the classes", share), legend(model, found)];
}

export function makePixels(app: App): HTMLElement {
  const { store, data } = app;
  const models = data.manifest.models.filter((model) => model.code === "pixels");
  if (!models.length)
    return el("div", {}, notice("No pixel network is loaded: `isthmus fit pixelnet` makes one."));
  let model = models[0];
  const host = el("div");
  const names = models.map(({ name }): [string, string] => [name, name]);
  const pick = choice(names, model.name, (name) => {
    model = data.model(name);
    void redraw().catch(app.fail);
  });

  async function redraw(): Promise<void> {
    const why = data.source.cannot(model, "segment");
    if (why) return host.replaceChildren(notice(why));
    const id = store.view.picked ?? 0;
    host.replaceChildren(notice("Looking at every pixel …"));
    const image = await data.atlas.images([id]);
    const parts: Node[] = [el("h3", {}, data.name(id))];
    if (!model.classes) parts.push(painted("The image", image, { className: "picture photo" }));
    else
      parts.push(...(await overlay(image, model, await data.source.segment(model, image, "labels"))));
    const attributes = await data.source.segment(model, image, "attributes");
    parts.push(el("h3", {}, "Attributes of pixels, the darkest and the brightest value of each"));
    parts.push(el("div", { className: "wall" }, ...attributeImages(attributes)));
    host.replaceChildren(...parts);
  }
  drawn(app, "pixels", ["picked"], redraw);
  return el("div", {}, labelled("Model", pick), host);
}
