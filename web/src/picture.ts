/** Images on the page. */
import { type Pictures, toImageData } from "./arrays";
import { el } from "./dom";

const HARD = 96; // pixels of a side up to which each is seen as a square

/** A canvas for pictures, read out by its label; drawn with hard pixels when small. */
export function frame(label: string, given: Record<string, unknown> = {}): HTMLCanvasElement {
  const canvas = el("canvas", { role: "img", "aria-label": label, className: "picture", ...given });
  canvas.width = canvas.height = 1;
  return canvas;
}

export function paint(canvas: HTMLCanvasElement, image: Pictures | null): void {
  canvas.classList.toggle("empty", image === null);
  if (!image) {
    canvas.width = canvas.height = 1;
    return;
  }
  const data = toImageData(image);
  canvas.classList.toggle("smooth", Math.max(data.width, data.height) > HARD);
  if (canvas.width !== data.width) canvas.width = data.width;
  if (canvas.height !== data.height) canvas.height = data.height;
  canvas.getContext("2d")?.putImageData(data, 0, 0);
}

export function painted(label: string, image: Pictures, given: Record<string, unknown> = {}) {
  const canvas = frame(label, given);
  paint(canvas, image);
  return canvas;
}

/** A picture with words below it. */
export function captioned(picture: HTMLElement, caption: string | Node): HTMLElement {
  return el("figure", {}, picture, el("figcaption", {}, caption));
}

export async function toPng(image: Pictures): Promise<Uint8Array> {
  const canvas = document.createElement("canvas");
  paint(canvas, image);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  if (!blob) throw new Error("The browser could not write a PNG.");
  return new Uint8Array(await blob.arrayBuffer());
}
