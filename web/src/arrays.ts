/** Typed arrays from files, and pictures as bytes. */

export type Codes = Float32Array | Int32Array;

/** Images in a row: (count, h, w, c) bytes. */
export interface Pictures {
  count: number;
  shape: [number, number, number];
  data: Uint8Array | Uint8ClampedArray;
}

const KINDS = {
  f32: Float32Array,
  i32: Int32Array,
  u16: Uint16Array,
  u8: Uint8Array,
} as const;

export type Kind = keyof typeof KINDS;
export type Numbers = Float32Array | Int32Array | Uint16Array | Uint8Array;

/** Fetch `url`; failures are one sentence that names the file. */
export async function fetchFile(url: string): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url);
  } catch {
    throw new Error(`${url} could not be fetched: the server does not answer.`);
  }
  if (answer.status === 404) throw new Error(`${url} is missing: export the explorer again.`);
  if (!answer.ok) throw new Error(`${url} could not be fetched: status ${answer.status}.`);
  return answer;
}

/** The numbers in `buffer`; their kind is the ending of `name`. */
export function numbers(buffer: ArrayBuffer, name: string, count?: number): Numbers {
  const kind = name.slice(name.lastIndexOf(".") + 1);
  if (!(kind in KINDS)) throw new Error(`${name} ends in none of .f32, .i32, .u16 and .u8.`);
  const type = KINDS[kind as Kind];
  if (count !== undefined && buffer.byteLength !== count * type.BYTES_PER_ELEMENT)
    throw new Error(
      `${name} holds ${buffer.byteLength} bytes, but ${count * type.BYTES_PER_ELEMENT} were ` +
        `expected: export the explorer again.`,
    );
  return new type(buffer);
}

/** Figures of images as bytes: `low` becomes 0 and `high` 255. */
export function toBytes(values: Float32Array, [low, high]: [number, number]): Uint8Array {
  const out = new Uint8ClampedArray(values.length); // it rounds and limits by itself
  const scale = 255 / (high - low || 1);
  for (let i = 0; i < values.length; i++) out[i] = (values[i] - low) * scale;
  return new Uint8Array(out.buffer);
}

export function toFigures(bytes: Pictures["data"], [low, high]: [number, number]): Float32Array {
  return Float32Array.from(bytes, (b) => low + (b / 255) * (high - low));
}

const size = (shape: [number, number, number]): number => shape[0] * shape[1] * shape[2];

/** Image `i` of many, without copying. */
export function picture(many: Pictures, i: number): Pictures {
  const d = size(many.shape);
  return { count: 1, shape: many.shape, data: many.data.subarray(i * d, (i + 1) * d) };
}

const MOST_LONG = 4; // times as long as wide: a narrower image keeps some ground beside it

/** How many times as wide as high images are shown, within reason. */
export function aspectOf([h, w]: number[]): number {
  return Math.min(Math.max(w / h, 1 / MOST_LONG), MOST_LONG);
}

/** A square of an image, as far as it has one there. */
export function cropped(image: Pictures, top: number, left: number, side: number): Pictures {
  const [h, w, c] = image.shape;
  const [y, x] = [Math.max(0, top), Math.max(0, left)];
  const [below, beside] = [Math.min(h, top + side), Math.min(w, left + side)];
  const data = new Uint8Array((below - y) * (beside - x) * c);
  for (let i = y; i < below; i++)
    data.set(image.data.subarray((i * w + x) * c, (i * w + beside) * c), (i - y) * (beside - x) * c);
  return { count: 1, shape: [below - y, beside - x, c], data };
}

/** The bytes of several, each of one image or more, one behind the other. */
export function joinedAll(many: Pictures[]): Uint8Array {
  const data = new Uint8Array(many.reduce((sum, one) => sum + one.data.length, 0));
  let at = 0;
  for (const one of many) {
    data.set(one.data, at);
    at += one.data.length;
  }
  return data;
}

export function joined(many: Pictures[]): Pictures {
  return { count: many.length, shape: many[0].shape, data: joinedAll(many) };
}

/** One image as the browser paints it; of more than 3 channels the first 3, of 2 the first. */
export function toImageData({ shape: [h, w, c], data }: Pictures): ImageData {
  const out = new ImageData(w, h);
  const step = c >= 3 ? [0, 1, 2] : [0, 0, 0];
  for (let i = 0; i < h * w; i++) {
    for (let k = 0; k < 3; k++) out.data[4 * i + k] = data[c * i + step[k]];
    out.data[4 * i + 3] = 255;
  }
  return out;
}

/** What was painted, as an image of `c` channels (1 or 3). */
export function fromImageData({ width, height, data }: ImageData, c: number): Pictures {
  if (c !== 1 && c !== 3)
    throw new Error(`Pictures can be read for images of 1 or 3 channels; these have ${c}.`);
  const out = new Uint8Array(width * height * c);
  for (let i = 0; i < width * height; i++) {
    const [r, g, b] = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
    if (c === 3) out.set([r, g, b], 3 * i);
    else out[i] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
  }
  return { count: 1, shape: [height, width, c], data: out };
}

/** Row `i` of codes of the given width (1 for indices). */
export function row(codes: Codes, i: number, width: number): Codes {
  return codes.subarray(i * width, (i + 1) * width);
}

/** The k rows of `codes` nearest to `code`, nearest first; rows `skip` says are left out. */
export function nearestRows(
  codes: ArrayLike<number>,
  width: number,
  code: ArrayLike<number>,
  k: number,
  skip?: (i: number) => boolean,
): { ids: number[]; distances: number[] } {
  const ids: number[] = [];
  const found: number[] = [];
  for (let i = 0, at = 0; at < codes.length; i++, at += width) {
    let d = 0;
    for (let j = 0; j < width; j++) d += (codes[at + j] - code[j]) ** 2;
    if ((found.length === k && d >= found[k - 1]) || skip?.(i)) continue;
    let place = found.length < k ? found.length : k - 1;
    while (place > 0 && found[place - 1] > d) {
      found[place] = found[place - 1];
      ids[place] = ids[place - 1];
      place--;
    }
    found[place] = d;
    ids[place] = i;
  }
  return { ids, distances: found.map(Math.sqrt) };
}
