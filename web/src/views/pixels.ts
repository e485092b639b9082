/** A class for every pixel, over the image: known, or as pixel networks see it, with attributes. */
import { type App, drawn } from "../app";
import type { Pictures } from "../arrays";
import type { Given, Segments } from "../contract";
import { choice, el, labelled, notice, round } from "../dom";
import { captioned, painted } from "../picture";
import { className } from "./odds";
import { covered } from "./overlay";

const KNOWN = "the label maps that came with the images";

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

async function overlay(
  image: Pictures,
  { shape, data }: Segments,
  named: (i: number) => string,
): Promise<HTMLElement[]> {
  const cover = { rows: shape[1], columns: shape[2], step: 1, values: data, ends: null };
  const { canvas, controls } = await covered(image, cover, named, "pixels");
  return [canvas, ...controls];
}

export function makePixels(app: App): HTMLElement {
  const { store, data } = app;
  const { label_maps: maps, bands } = data.manifest.images;
  const nets = data.manifest.models.filter((model) => model.code === "pixels");
  const known = data.source.images && maps ? [KNOWN] : [];
  const names = [...nets.map(({ name }) => name), ...known];
  if (!names.length)
    return el("div", {}, notice("No pixel network is loaded: `isthmus fit pixelnet` makes one."));
  let name = names[0];
  const host = el("div");
  let turn = 0; // of drawing: what was begun before the last one is not shown
  const pick = choice(
    names.map((each): [string, string] => [each, each]),
    name,
    (chosen) => {
      name = chosen;
      void redraw().catch(app.fail);
    },
  );

  async function seen(id: number, image: Pictures): Promise<Node[]> {
    if (name === KNOWN)
      return overlay(image, await data.source.labels([id]), (i) => maps?.[i] ?? `class ${i}`);
    const model = data.model(name);
    const given: Given = bands ? [id] : image;
    const parts: Node[] = model.classes
      ? await overlay(image, await data.source.segment(model, given, "labels"), (i) =>
          className(model, i),
        )
      : [painted("The image", image, { className: "picture photo" })];
    const attributes = await data.source.segment(model, given, "attributes");
    parts.push(el("h3", {}, "Attributes of pixels, the darkest and the brightest value of each"));
    parts.push(el("div", { className: "wall" }, ...attributeImages(attributes)));
    return parts;
  }

  async function redraw(): Promise<void> {
    const why = name === KNOWN ? null : data.source.cannot(data.model(name), "segment");
    if (why) return host.replaceChildren(notice(why));
    const mine = ++turn;
    const id = store.view.picked ?? 0;
    host.replaceChildren(notice("Looking at every pixel …"));
    const image = await data.atlas.images([id]);
    const parts = await seen(id, image);
    if (mine === turn) host.replaceChildren(el("h3", {}, data.name(id)), ...parts);
  }
  drawn(app, "pixels", ["picked"], redraw);
  return el("div", {}, labelled("Whose classes", pick), host);
}
