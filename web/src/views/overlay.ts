/** A map of classes or of figures over an image, as strong as one likes. */
import type { Numbers, Pictures } from "../arrays";
import { el, labelled, round, slider } from "../dom";
import { categoryColour, css, scaleColour } from "../map/colours";
import { frame, painted } from "../picture";

const NO_CLASS = 255;
const MOST_NAMED = 12;

/** What lies over an image: one value for every `step` times `step` pixels. */
export interface Cover {
  rows: number;
  columns: number;
  step: number;
  values: Numbers;
  /** Of figures, the ends of the scale; of classes null. */
  ends: [number, number] | null;
}

function coloured({ rows, columns, values, ends }: Cover): ImageData {
  const out = new ImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    if (!ends && values[i] === NO_CLASS && values instanceof Uint8Array) continue;
    const [low, high] = ends ?? [0, 1];
    const rgb = ends ? scaleColour((values[i] - low) / (high - low || 1)) : categoryColour(values[i]);
    out.data.set([...rgb, 255], 4 * i);
  }
  return out;
}

function classes({ values }: Cover, named: (i: number) => string, what: string): HTMLElement {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  if (values instanceof Uint8Array) counts.delete(NO_CLASS);
  const often = [...counts.keys()].sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
  const items = often
    .slice(0, MOST_NAMED)
    .sort((a, b) => a - b)
    .map((i) => {
      const swatch = el("span", { className: "swatch" });
      swatch.style.background = css(categoryColour(i));
      const share = Math.round((100 * (counts.get(i) ?? 0)) / values.length) || "under 1";
      return el("li", {}, swatch, `${named(i)}, ${share} % of ${what}`);
    });
  const rest = often.length - items.length;
  return el("ul", { className: "classes" }, ...items, rest > 0 && el("li", {}, `and ${rest} more`));
}

function scale([low, high]: [number, number]): HTMLElement {
  const bar = el("span", { className: "scale", "aria-hidden": "true" });
  const stops = Array.from({ length: 11 }, (_, i) => css(scaleColour(i / 10)));
  bar.style.background = `linear-gradient(to right, ${stops.join(",")})`;
  return el("p", { className: "scale-row" }, `≤ ${round(low, 3)}`, bar, `≥ ${round(high, 3)}`);
}

/** The image with its cover on a canvas, a slider for how strong that is, and what its colours mean. */
export async function covered(
  image: Pictures,
  cover: Cover,
  named: (i: number) => string,
  what: string,
  strength = 0.5,
): Promise<{ canvas: HTMLCanvasElement; controls: HTMLElement[]; share: HTMLInputElement }> {
  const given = { className: "picture photo", id: "overlay" };
  const canvas = frame("Classes over the image", given);
  const below = painted("", image);
  [canvas.width, canvas.height] = [below.width, below.height];
  canvas.className += below.classList.contains("smooth") ? " smooth" : "";
  const above = await createImageBitmap(coloured(cover));
  const blend = (share: number): void => {
    const pen = canvas.getContext("2d") as CanvasRenderingContext2D;
    pen.imageSmoothingEnabled = false;
    pen.globalAlpha = 1;
    pen.drawImage(below, 0, 0);
    pen.globalAlpha = share;
    pen.drawImage(above, 0, 0, cover.columns * cover.step, cover.rows * cover.step);
  };
  blend(strength);
  const share = slider([0, 1], strength, blend);
  const meaning = cover.ends ? scale(cover.ends) : classes(cover, named, what);
  const word = cover.ends ? "Strength of the colours" : "Strength of the classes";
  return { canvas, share, controls: [labelled(word, share), meaning] };
}
