/** Pictures as an animated GIF. */
import { applyPalette, GIFEncoder, quantize } from "gifenc";
import { type Pictures, picture, toImageData } from "./arrays";

const LEAST_SIDE = 160; // small images are enlarged, pixel by pixel

function enlarged(image: ImageData, by: number): ImageData {
  const out = new ImageData(image.width * by, image.height * by);
  const from = new Uint32Array(image.data.buffer);
  const to = new Uint32Array(out.data.buffer);
  for (let y = 0; y < out.height; y++)
    for (let x = 0; x < out.width; x++)
      to[y * out.width + x] = from[Math.floor(y / by) * image.width + Math.floor(x / by)];
  return out;
}

const GREYS = Array.from({ length: 256 }, (_, i) => [i, i, i]);

/** Greys are kept as they are; of colours the 256 that fit best. */
function indexed(data: Uint8ClampedArray, channels: number): [number[][], Uint8Array] {
  if (channels < 3) return [GREYS, Uint8Array.from(data.filter((_, i) => i % 4 === 0))];
  const palette = quantize(data, 256);
  return [palette, applyPalette(data, palette)];
}

/** All pictures in a row, for ever. */
export function toGif(pictures: Pictures, delay: number): Uint8Array<ArrayBuffer> {
  const by = Math.max(1, Math.round(LEAST_SIDE / Math.max(pictures.shape[0], pictures.shape[1])));
  const gif = GIFEncoder();
  for (let i = 0; i < pictures.count; i++) {
    const { data, width, height } = enlarged(toImageData(picture(pictures, i)), by);
    const [palette, index] = indexed(data, pictures.shape[2]);
    gif.writeFrame(index, width, height, { palette, delay, repeat: 0 });
  }
  gif.finish();
  return gif.bytes();
}
