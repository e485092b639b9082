/** What a classifier says of an image: its likeliest classes, each with its probability. */
import type { App } from "../app";
import type { Given } from "../contract";
import { el } from "../dom";
import type { Model } from "../manifest";

const MOST_CLASSES = 5;

export const className = (model: Model, i: number): string => model.classes?.[i] ?? `class ${i}`;

/** The places of `odds`, the likeliest first. */
export function ranked(odds: ArrayLike<number>): number[] {
  return Array.from({ length: odds.length }, (_, i) => i).sort((a, b) => odds[b] - odds[a]);
}

const percent = (share: number): string => `${(100 * share).toFixed(share > 0.995 ? 0 : 1)} %`;

export async function oddsOf({ data }: App, model: Model, image: Given): Promise<HTMLElement> {
  const odds = await data.source.predict(model, image);
  const rows = ranked(odds)
    .slice(0, MOST_CLASSES)
    .map((i) => {
      const bar = el("progress", { max: 1, value: odds[i], "aria-hidden": "true" });
      return el("li", {}, el("span", {}, className(model, i)), bar, el("span", {}, percent(odds[i])));
    });
  return el("ol", { className: "odds", "aria-label": `Classes by ${model.name}` }, ...rows);
}
