/** A canvas to draw on, or to open an image file on in the shape that models know. */
import { type Pictures, fromImageData, toImageData } from "../arrays";
import { button, choice, el, labelled } from "../dom";
import type { Fit } from "../fit";

const FITTED: Record<Fit, string> = {
  crop: "scaled and cut",
  pad: "scaled and padded with black",
  stretch: "stretched",
};
const SIDE = 280; // pixels of the sheet, about

/** The mean of every block of `by` times `by` pixels. */
export function shrunk(image: ImageData, by: number): ImageData {
  const out = new ImageData(image.width / by, image.height / by);
  for (let y = 0; y < out.height; y++)
    for (let x = 0; x < out.width; x++)
      for (let k = 0; k < 4; k++) {
        let sum = 0;
        for (let dy = 0; dy < by; dy++)
          for (let dx = 0; dx < by; dx++)
            sum += image.data[4 * ((y * by + dy) * image.width + x * by + dx) + k];
        out.data[4 * (y * out.width + x) + k] = sum / (by * by);
      }
  return out;
}

export interface Sketch {
  element: HTMLElement;
  read(): Pictures;
  /** Paint an image over the whole sheet. */
  put(image: CanvasImageSource, width: number, height: number): void;
}

export function makeSketch(
  [h, w, c]: [number, number, number],
  onchange: () => void,
  fail: (error: Error) => void,
  read: (file: File) => Promise<Pictures>,
  fit: Fit,
): Sketch {
  const by = Math.max(1, Math.round(SIDE / Math.max(h, w)));
  const sheet = el("canvas", { id: "sheet", "aria-label": "Sheet to draw on", className: "sheet" });
  sheet.width = w * by;
  sheet.height = h * by;
  const pen = sheet.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
  const ink = el("input", { type: "color", value: "#ffffff" });
  let thick = 1.6;
  let last: [number, number] | null = null;

  const clear = (): void => {
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, sheet.width, sheet.height);
    onchange();
  };
  const invert = (): void => {
    const data = pen.getImageData(0, 0, sheet.width, sheet.height);
    for (let i = 0; i < data.data.length; i++) if (i % 4 < 3) data.data[i] = 255 - data.data[i];
    pen.putImageData(data, 0, 0);
    onchange();
  };
  function put(image: CanvasImageSource, width: number, height: number): void {
    const scale = Math.min(sheet.width / width, sheet.height / height);
    const [dw, dh] = [width * scale, height * scale];
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, sheet.width, sheet.height);
    pen.imageSmoothingEnabled = scale < 1;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(image, (sheet.width - dw) / 2, (sheet.height - dh) / 2, dw, dh);
    onchange();
  }
  async function open(file: File | undefined): Promise<void> {
    if (!file) return;
    try {
      put(await createImageBitmap(toImageData(await read(file))), w, h);
    } catch (error) {
      const why = error instanceof DOMException ? "the browser cannot read it" : error;
      const words = why instanceof Error ? why.message : why;
      fail(new Error(`${file.name} could not be opened (${words}): try PNG or JPEG.`));
    }
  }

  const where = (event: PointerEvent): [number, number] => {
    const box = sheet.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    return [(x / box.width) * sheet.width, (y / box.height) * sheet.height];
  };
  const line = (to: [number, number]): void => {
    pen.strokeStyle = c === 1 ? "#fff" : ink.value;
    // a share of the sheet, but no thinner than a pixel of a small image
    pen.lineWidth = thick * Math.max(sheet.width / 20, sheet.height / 20, 0.8 * by);
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(...(last ?? to));
    pen.lineTo(...to);
    pen.stroke();
    last = to;
  };
  sheet.onpointerdown = (event) => {
    sheet.setPointerCapture(event.pointerId);
    line(where(event));
  };
  sheet.onpointermove = (event) => {
    if (!last) return;
    line(where(event));
    onchange();
  };
  sheet.onpointerup = sheet.onpointercancel = () => {
    last = null;
    onchange();
  };
  sheet.ondragover = (event) => event.preventDefault();
  sheet.ondrop = (event) => {
    event.preventDefault();
    void open(event.dataTransfer?.files[0]);
  };
  const file = el("input", { type: "file", accept: "image/*" });
  file.onchange = () => void open(file.files?.[0]);
  const widths: [string, string][] = [["0.8", "thin"], ["1.6", "medium"], ["3", "thick"]];
  const tools = el(
    "div",
    { className: "tools" },
    el("div", { className: "row" }, button("Clear", clear), button("Invert", invert)),
    labelled("Pen", choice(widths, "1.6", (value) => (thick = Number(value)))),
    c === 3 && labelled("Colour", ink),
    labelled("Or open an image (or drop one)", file),
    el("p", { className: "words" }, `It is ${FITTED[fit]} to ${h}x${w}, as isthmus does it.`),
  );
  pen.fillRect(0, 0, sheet.width, sheet.height);
  return {
    element: el("div", { className: "sketch" }, sheet, tools),
    put,
    read: () => fromImageData(shrunk(pen.getImageData(0, 0, sheet.width, sheet.height), by), c),
  };
}
