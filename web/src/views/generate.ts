/** A wall of new images; one that is tapped goes on the map, beside the nearest known one. */
import { type App, drawn } from "../app";
import { type Codes, picture, row } from "../arrays";
import { button, choice, el, labelled, notice, slider } from "../dom";
import { captioned, painted } from "../picture";
import { thumbnails } from "./thumbnails";

const SAMPLES = 36;

export function makeGenerate(app: App): HTMLElement {
  const { store, data, act } = app;
  const wall = el("div", { className: "wall", id: "wall" });
  const beside = el("div", { className: "beside", "aria-live": "polite" });
  const samplers = el("div");
  const warmth = el("output", {}, "1.00");
  const temperature = slider([0, 2], 1, (value) => (warmth.textContent = value.toFixed(2)));
  temperature.onchange = () => void fill().catch(app.fail);
  let sampler = "";
  let seed = 1;

  async function choose(code: Codes, i: number): Promise<void> {
    const { model } = store;
    const near = await act.land(Array.from(code));
    const made = captioned(painted(`Sample ${i}`, await data.decode(model, code)), "sample");
    if (!near.length)
      return beside.replaceChildren(made, notice("No image has this code."));
    const known = await thumbnails(app, near.slice(0, 1));
    beside.replaceChildren(made, captioned(known, `nearest: ${data.name(near[0])}`));
  }

  async function fill(): Promise<void> {
    const { model } = store;
    const draw = { n: SAMPLES, seed, temperature: temperature.valueAsNumber, sampler };
    const codes = await data.source.sample(model, draw);
    const images = await data.source.decode(model, codes);
    if (store.model !== model) return;
    const width = data.width(model);
    const boxes = Array.from({ length: images.count }, (_, i) =>
      el(
        "button",
        {
          type: "button",
          "aria-label": `Sample ${i}`,
          onclick: () => void choose(row(codes, i, width).slice(), i).catch(app.fail),
        },
        painted(`Sample ${i}`, picture(images, i), { "aria-hidden": "true" }),
      ),
    );
    wall.replaceChildren(...boxes);
  }

  const again = button("Draw again", () => {
    seed++;
    void fill().catch(app.fail);
  });

  function redraw(): Promise<void> | undefined {
    const { model } = store;
    const why = data.source.cannot(model, "decode") ?? data.source.cannot(model, "sample");
    const names = data.source.samplers(model);
    sampler = names.includes(sampler) ? sampler : (names[0] ?? "");
    beside.replaceChildren();
    again.disabled = why !== null;
    if (why) {
      samplers.replaceChildren();
      wall.replaceChildren(notice(why));
      return undefined;
    }
    const pick = choice(names.map((name) => [name, name]), sampler, (name) => {
      sampler = name;
      void fill().catch(app.fail);
    });
    samplers.replaceChildren(labelled("Sampler", pick));
    wall.replaceChildren(notice("Drawing …"));
    return fill();
  }
  drawn(app, "generate", ["model"], redraw);
  const heat = labelled("Temperature", temperature);
  heat.append(warmth);
  return el("div", {}, el("div", { className: "row" }, samplers, again), heat, beside, wall);
}
