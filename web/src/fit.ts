/**
 * An image file made as large as models know them, by the rule of `load_images` in Python: turned as
 * EXIF says, transparency over white, then cropped, padded or stretched by an antialiased filter.
 * The server does this for a page that has one. Up to rounding, and up to how the browser decodes
 * JPEG, both come to the same pixels.
 */
import type { Pictures } from "./arrays";

export type Fit = "crop" | "pad" | "stretch";

/** Bytes of one channel or three, row by row. */
interface Plane {
  h: number;
  w: number;
  c: number;
  data: Uint8ClampedArray;
}

/** Left, top, right, bottom. */
type Box = [number, number, number, number];

const LOBES = 3;
const GAP = 2; // a reduction leaves at least so many pixels to the filter, as in Python

const sinc = (x: number): number => (x ? Math.sin(Math.PI * x) / (Math.PI * x) : 1);
const lanczos = (x: number): number => (Math.abs(x) < LOBES ? sinc(x) * sinc(x / LOBES) : 0);

/** Python's rounding: halves to the even neighbour. */
function rounded(x: number): number {
  const up = Math.round(x);
  return up - x === 0.5 && up % 2 ? up - 1 : up;
}

/** For every output place: the first input, and the weights from there on. */
function weightsOf(size: number, from: number, to: number, out: number): [number, number[]][] {
  const scale = (to - from) / out;
  const wide = Math.max(1, scale);
  return Array.from({ length: out }, (_, i) => {
    const centre = from + (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - LOBES * wide + 0.5));
    const last = Math.min(size, Math.trunc(centre + LOBES * wide + 0.5));
    const all = Array.from({ length: last - first }, (__, j) =>
      lanczos((first + j - centre + 0.5) / wide),
    );
    const sum = all.reduce((a, b) => a + b, 0);
    return [first, all.map((weight) => weight / sum)];
  });
}

/** Filter along rows; the result is turned, so that a second pass filters along columns. */
function filtered({ h, w, c, data }: Plane, from: number, to: number, out: number): Plane {
  const found = new Uint8ClampedArray(out * h * c);
  weightsOf(w, from, to, out).forEach(([first, weights], x) => {
    for (let y = 0; y < h; y++)
      for (let k = 0; k < c; k++) {
        let sum = 0;
        for (let j = 0; j < weights.length; j++)
          sum += weights[j] * data[(y * w + first + j) * c + k];
        found[(x * h + y) * c + k] = sum;
      }
  });
  return { h: out, w: h, c, data: found };
}

/** Means of blocks of `fx` times `fy` pixels of a box; those at the end may be smaller. */
function reduced(image: Plane, fx: number, fy: number, [l, t, r, b]: Box): Plane {
  const [w, h, c] = [Math.ceil((r - l) / fx), Math.ceil((b - t) / fy), image.c];
  const data = new Uint8ClampedArray(w * h * c);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const [y1, x1] = [Math.min(b, t + (y + 1) * fy), Math.min(r, l + (x + 1) * fx)];
      for (let k = 0; k < c; k++) {
        let [sum, count] = [0, 0];
        for (let i = t + y * fy; i < y1; i++)
          for (let j = l + x * fx; j < x1; j++, count++) sum += image.data[(i * image.w + j) * c + k];
        data[(y * w + x) * c + k] = sum / count;
      }
    }
  return { h, w, c, data };
}

function resized(image: Plane, h: number, w: number, box: Box): Plane {
  const [across, down] = [(box[2] - box[0]) / w, (box[3] - box[1]) / h];
  const [fx, fy] = [across, down].map((by) => Math.max(1, Math.trunc(by / GAP)));
  if (fx > 1 || fy > 1) {
    const [sx, sy] = [(LOBES * across) / 2, (LOBES * down) / 2];
    const safe: Box = [
      Math.max(0, Math.trunc(box[0] - sx)),
      Math.max(0, Math.trunc(box[1] - sy)),
      Math.min(image.w, Math.ceil(box[2] + sx)),
      Math.min(image.h, Math.ceil(box[3] + sy)),
    ];
    image = reduced(image, fx, fy, safe);
    box = [
      (box[0] - safe[0]) / fx,
      (box[1] - safe[1]) / fy,
      (box[2] - safe[0]) / fx,
      (box[3] - safe[1]) / fy,
    ];
  }
  return filtered(filtered(image, box[0], box[2], w), box[1], box[3], h);
}

/** Pixels of a box of whole numbers. */
function cut({ w, c, data }: Plane, [l, t, r, b]: Box): Plane {
  const rows = Array.from({ length: b - t }, (_, y) =>
    data.subarray(((t + y) * w + l) * c, ((t + y) * w + r) * c),
  );
  const out = new Uint8ClampedArray((b - t) * (r - l) * c);
  rows.forEach((row, y) => out.set(row, y * (r - l) * c));
  return { h: b - t, w: r - l, c, data: out };
}

function padded(image: Plane, h: number, w: number): Plane {
  const data = new Uint8ClampedArray(h * w * image.c);
  const [top, left] = [(h - image.h) >> 1, (w - image.w) >> 1];
  for (let y = 0; y < image.h; y++) {
    const row = image.data.subarray(y * image.w * image.c, (y + 1) * image.w * image.c);
    data.set(row, ((top + y) * w + left) * image.c);
  }
  return { h, w, c: image.c, data };
}

function fitted(image: Plane, h: number, w: number, fit: Fit): Plane {
  if (image.h === h && image.w === w) return image;
  const whole: Box = [0, 0, image.w, image.h];
  if (fit === "stretch") return resized(image, h, w, whole);
  const ratios = [w / image.w, h / image.h];
  if (fit === "pad") {
    const by = Math.min(...ratios);
    const inner = [image.h, image.w].map((side) => Math.max(1, rounded(side * by)));
    const same = inner[0] === image.h && inner[1] === image.w;
    return padded(same ? image : resized(image, inner[0], inner[1], whole), h, w);
  }
  const by = Math.max(...ratios);
  if (by === 1) {
    const [x, y] = [(image.w - w) >> 1, (image.h - h) >> 1];
    return cut(image, [x, y, x + w, y + h]);
  }
  const [x, y] = [image.w - w / by, image.h - h / by].map((over) => Math.max(0, over / 2));
  return resized(image, h, w, [x, y, image.w - x, image.h - y]);
}

/** What a browser painted over white, as grey or RGB; luma as Pillow has it. */
function plane({ width, height, data }: ImageData, c: number): Plane {
  const out = new Uint8ClampedArray(width * height * c);
  for (let i = 0; i < width * height; i++) {
    const [r, g, b] = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
    if (c === 1) out[i] = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
    else out.set([r, g, b], 3 * i);
  }
  return { h: height, w: width, c, data: out };
}

/** An image file in the shape that models know. */
export async function fitFile(
  file: Blob,
  [h, w, c]: [number, number, number],
  fit: Fit,
): Promise<Pictures> {
  const image = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  const pen = canvas.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, image.width, image.height);
  pen.drawImage(image, 0, 0);
  const whole = pen.getImageData(0, 0, image.width, image.height);
  return { count: 1, shape: [h, w, c], data: fitted(plane(whole, c), h, w, fit).data };
}
