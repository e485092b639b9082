/** What colours mean; categories are switches. */
import type { Painting } from "../data";
import { el, round } from "../dom";
import type { Store } from "../state";
import { categoryColour, css, limits, scaleColour } from "./colours";

function toggled(store: Store, i: number): void {
  const { hidden } = store.view;
  store.set({ hidden: hidden.includes(i) ? hidden.filter((h) => h !== i) : [...hidden, i] });
}

function swatch(rgb: [number, number, number]): HTMLElement {
  const made = el("span", { className: "swatch", "aria-hidden": "true" });
  made.style.background = css(rgb);
  return made;
}

function categories(painting: Painting, store: Store): HTMLElement[] {
  return (painting.colour.categories ?? []).map((name, i) =>
    el(
      "button",
      {
        type: "button",
        className: "category",
        "aria-pressed": !store.view.hidden.includes(i) ? "true" : "false",
        title: "Show or hide",
        onclick: () => toggled(store, i),
      },
      swatch(categoryColour(i)),
      name,
    ),
  );
}

function scale(painting: Painting): HTMLElement {
  const [low, high] = limits(painting);
  const bar = el("span", { className: "scale", "aria-hidden": "true" });
  const stops = Array.from({ length: 11 }, (_, i) => css(scaleColour(i / 10)));
  bar.style.background = `linear-gradient(to right, ${stops.join(",")})`;
  const ends = [`≤ ${round(low, 3)}`, `≥ ${round(high, 3)}`]; // what is beyond has the last colour
  return el("span", { className: "scale-row" }, ends[0], bar, ends[1]);
}

export function drawLegend(host: HTMLElement, painting: Painting | null, store: Store): void {
  host.replaceChildren();
  host.hidden = painting === null;
  if (!painting) return;
  host.append(el("span", { className: "legend-title" }, painting.colour.title));
  if (painting.colour.kind === "number") host.append(scale(painting));
  else host.append(el("span", { className: "categories" }, ...categories(painting, store)));
}
