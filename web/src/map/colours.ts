/** Colours of points: categories by hue, figures from dark to light. */
import type { Painting } from "../data";

export type Rgb = [number, number, number];

/** Ten that most eyes tell apart on black and on white; further categories turn the hue. */
const DISTINCT: Rgb[] = [
  [66, 133, 224],
  [240, 138, 36],
  [53, 165, 94],
  [220, 66, 74],
  [148, 103, 200],
  [160, 106, 76],
  [226, 112, 184],
  [128, 134, 142],
  [182, 178, 32],
  [32, 178, 196],
];
const SCALE: Rgb[] = [
  [68, 1, 84],
  [65, 68, 135],
  [42, 120, 142],
  [34, 168, 132],
  [122, 209, 81],
  [253, 231, 37],
];
const NONE: Rgb = [128, 128, 128];
const GOLDEN = 137.508; // degrees

export const css = ([r, g, b]: Rgb): string => `rgb(${r} ${g} ${b})`;

export function categoryColour(i: number): Rgb {
  if (i < DISTINCT.length) return DISTINCT[i];
  const hue = (i * GOLDEN) % 360;
  const light = [0.45, 0.6, 0.72][i % 3];
  const channel = (n: number): number => {
    const k = (n + hue / 30) % 12;
    const a = 0.6 * Math.min(light, 1 - light);
    return Math.round(255 * (light - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

/** The colour at t of the scale, from 0 to 1. */
export function scaleColour(t: number): Rgb {
  if (Number.isNaN(t)) return NONE;
  const at = Math.min(Math.max(t, 0), 1) * (SCALE.length - 1);
  const i = Math.min(Math.floor(at), SCALE.length - 2);
  const mix = (k: number) => Math.round(SCALE[i][k] + (at - i) * (SCALE[i + 1][k] - SCALE[i][k]));
  return [mix(0), mix(1), mix(2)];
}

const TAIL = 0.01; // share of the images beyond either end of the scale
const MOST_SORTED = 20_000;
const known = new WeakMap<object, [number, number]>();

/** Figures that few pass, so that one odd image does not darken all the others. */
export function limits({ values }: Painting): [number, number] {
  const found = known.get(values) ?? quantiles(values);
  known.set(values, found);
  return found;
}

function quantiles(values: ArrayLike<number>): [number, number] {
  const step = Math.max(1, Math.floor(values.length / MOST_SORTED));
  const some = Float32Array.from({ length: Math.ceil(values.length / step) }, (_, i) => values[i * step])
    .filter((value) => !Number.isNaN(value))
    .sort();
  const last = some.length - 1;
  const [low, high] = [some[Math.round(TAIL * last)] ?? 0, some[Math.round((1 - TAIL) * last)] ?? 1];
  if (low < high) return [low, high];
  return some[0] < some[last] ? [some[0], some[last]] : [low, low + 1];
}

/** Whether every image is shown: categories switched off in the legend are not. */
export function visible(painting: Painting | null, hidden: number[], count: number): Uint8Array {
  const shown = new Uint8Array(count).fill(1);
  if (!hidden.length || painting?.colour.kind !== "category") return shown;
  const off = new Set(hidden);
  for (let i = 0; i < count; i++) if (off.has(painting.values[i])) shown[i] = 0;
  return shown;
}

/** Red, green, blue and opacity of every image. */
export function paintAll(
  painting: Painting | null,
  shown: Uint8Array,
  selection: number[],
): Uint8Array {
  const out = new Uint8Array(shown.length * 4);
  const [low, high] = painting?.colour.kind === "number" ? limits(painting) : [0, 1];
  const palette = Array.from({ length: 256 }, (_, i) => scaleColour(i / 255));
  const categories = painting?.colour.categories?.map((_, i) => categoryColour(i)) ?? [];
  const colourOf = (value: number): Rgb => {
    if (painting?.colour.kind === "category") return categories[value] ?? NONE;
    const t = Math.min(Math.max((value - low) / (high - low), 0), 1);
    return palette[Math.round(t * 255)] ?? NONE;
  };
  const faint = selection.length ? 50 : 255;
  for (let i = 0; i < shown.length; i++) {
    const rgb = painting ? colourOf(painting.values[i]) : DISTINCT[0];
    out[4 * i] = rgb[0];
    out[4 * i + 1] = rgb[1];
    out[4 * i + 2] = rgb[2];
    out[4 * i + 3] = shown[i] ? faint : 0;
  }
  for (const i of selection) if (shown[i]) out[4 * i + 3] = 255;
  return out;
}
