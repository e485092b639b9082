/** What pixel networks see: a class or attributes for every pixel, over the image. */
import { type App, drawn } from "../app";
import type { Pictures } from "../arrays";
import { choice, el, labelled, notice, slider } from "../dom";
import { categoryColour, css } from "../map/colours";
import type { Model } from "../manifest";
import { captioned, frame, painted } from "../picture";
import type { Segments } from "../source";

const NO_CLASS = 255;

function attributeImages({ shape, data }: Segments): HTMLElement[] {
  const [, h, w, k] = shape;
  return Array.from({ length: k }, (_, j) => {
    const values = Float32Array.from({ length: h * w }, (__, i) => data[i * k + j]);
    const low = values.reduce((a, b) => Math.min(a, b), Infinity);
    const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
    const grey = values.map((v) => (255 * (v - low)) / (high - low || 1));
    const image: Pictures = { count: 1, shape: [h, w, 1], data: Uint8Array.from(grey) };
    return captioned(painted(`Attribute ${j}`, image), `attribute ${j}`);
  });
}

function labelImage({ shape, data }: Segments): ImageData {
  const out = new ImageData(shape[2], shape[1]);
  for (let i = 0; i < shape[1] * shape[2]; i++)
    if (data[i] !== NO_CLASS) out.data.set([...categoryColour(data[i]), 255], 4 * i);
  return out;
}

function legend(model: Model, found: Segments): HTMLElement {
  const seen = [...new Set(found.data)].filter((i) => i !== NO_CLASS).sort((a, b) => a - b);
  const items = seen.map((i) => {
    const swatch = el("span", { className: "swatch" });
    swatch.style.background = css(categoryColour(i));
    return el("li", {}, swatch, model.classes?.[i] ?? `class ${i}`);
  });
  return el("ul", { className: "classes" }, ...items);
}

async function overlay(image: Pictures, model: Model, found: Segments): Promise<HTMLElement[]> {
  const canvas = frame("Classes over the image", { className: "picture large", id: "overlay" });
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
    if (model.classes)
      parts.push(...(await overlay(image, model, await data.source.segment(model, image, "labels"))));
    const attributes = await data.source.segment(model, image, "attributes");
    parts.push(el("h3", {}, "Attributes of pixels"));
    parts.push(el("div", { className: "wall" }, ...attributeImages(attributes)));
    host.replaceChildren(...parts);
  }
  drawn(app, "pixels", ["picked"], redraw);
  return el("div", {}, labelled("Model", pick), host);
}
