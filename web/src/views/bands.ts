/** Which bands of a raster are red, green and blue, and how each is stretched. */
import type { App } from "../app";
import { button, choice, el, labelled, notice, round } from "../dom";
import type { Bands } from "../manifest";

const COLOURS = ["Red", "Green", "Blue"];

function stretch({ names, ends: [low, high], percentiles: [first, last] }: Bands, shown: number[]) {
  const spans = [...new Set(shown)].map(
    (band) => `${names[band]}: ${round(low[band], 3)} to ${round(high[band], 3)}`,
  );
  const rule = `Black and full colour are percentiles ${first} and ${last} of a band over all images`;
  return el("p", { className: "words" }, `${rule} (${spans.join("; ")}).`);
}

/** Nothing, where images are grey or RGB. */
export function makeBands(app: App): HTMLElement | null {
  const { store, data } = app;
  const { bands } = data.manifest.images;
  if (!bands) return null;
  const usual = bands.shown;
  const host = el("div");
  const names = bands.names.map((name, i): [string, string] => [String(i), name]);
  const summary = el("summary");

  const use = (shown: number[]): void =>
    store.set({ bands: shown.join() === usual.join() ? null : shown });
  const redraw = (): void => {
    const shown = store.view.bands ?? usual;
    const numbers = shown.map((band) => band + 1).join(", ");
    summary.textContent = `Bands ${numbers} of ${names.length} as red, green, blue`;
    const boxes = COLOURS.map((colour, k) =>
      labelled(
        colour,
        choice(names, String(shown[k]), (band) =>
          use(shown.map((other, i) => (i === k ? Number(band) : other))),
        ),
      ),
    );
    const back = button("As at first", () => use(usual), { disabled: store.view.bands === null });
    const grey = button("Red's alone, in grey", () => use([shown[0], shown[0], shown[0]]));
    const live = data.source.useBands !== null;
    const rest = live
      ? [el("div", { className: "three" }, ...boxes), el("div", { className: "row" }, grey, back)]
      : [notice("Other bands are shown by the server alone: run `isthmus explore` to choose.")];
    host.replaceChildren(...rest, stretch(bands, shown));
  };
  store.on(["bands"], redraw);
  redraw();
  return el("details", { className: "bands" }, summary, host);
}
