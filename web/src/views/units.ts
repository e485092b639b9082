/** The sheet of units or centroids; one that is tapped shows its members. */
import { type App, drawn } from "../app";
import { picture } from "../arrays";
import { choice, el, labelled, notice } from "../dom";
import type { Model } from "../manifest";
import { painted } from "../picture";
import { thumbnails } from "./thumbnails";

const MOST_SHOWN = 48;
const MANY_COLUMNS = 14; // units of a wider sheet touch each other

export function makeUnits(app: App): HTMLElement {
  const { store, data, act } = app;
  const models = data.manifest.models.filter((model) => model.code === "index");
  const host = el("div");
  const members = el("section", { "aria-label": "Members", id: "members" });
  if (!models.length)
    return el("div", {}, notice("No k-means or SOM is loaded: only these have units."));
  let model = models[0];

  async function show(unit: number): Promise<void> {
    const codes = await data.codes(model);
    const ids = Array.from(codes.keys()).filter((i) => codes[i] === unit);
    store.set({ selection: ids });
    if (store.model === model) act.setCode([unit]);
    const title = el("h3", {}, `Unit ${unit}: ${ids.length} images`);
    const words = ids.length ? [] : [notice("No image is nearest to this unit.")];
    members.replaceChildren(title, await thumbnails(app, ids.slice(0, MOST_SHOWN)), ...words);
    app.say(`Unit ${unit} has ${ids.length} images`);
  }

  async function sheet(of: Model): Promise<HTMLElement> {
    const { shape } = data.manifest.images;
    const pictures = { count: 0, shape, data: await data.prototypes(of) };
    const units = await data.units(of);
    const counts = new Uint32Array(units);
    if (of.codes) for (const unit of await data.codes(of)) counts[unit]++;
    const columns = of.grid?.columns ?? Math.ceil(Math.sqrt(units));
    const grid = el("div", { className: `units ${of.grid?.topology ?? ""}` });
    grid.classList.toggle("many", columns > MANY_COLUMNS);
    grid.style.setProperty("--columns", String(columns));
    for (let unit = 0; unit < units; unit++) {
      const title = `Unit ${unit}, ${counts[unit]} images`;
      const box = el(
        "button",
        { type: "button", title, "aria-label": title, onclick: () => void show(unit).catch(app.fail) },
        painted(title, picture(pictures, unit), { "aria-hidden": "true" }),
      );
      box.classList.toggle("odd", Math.floor(unit / columns) % 2 === 1);
      grid.append(box);
    }
    return el("div", { className: "scroll" }, grid);
  }

  async function redraw(): Promise<void> {
    if (store.model.code === "index") model = store.model;
    const names = models.map(({ name }): [string, string] => [name, name]);
    const pick = choice(names, model.name, (name) => act.useModel(name));
    const words = model.grid
      ? `${model.grid.rows} x ${model.grid.columns} units; neighbours are alike. `
      : "";
    members.replaceChildren(notice(`${words}Tap one to see and select its images.`));
    host.replaceChildren(labelled("Model", pick), members, await sheet(model));
  }
  drawn(app, "units", ["model"], redraw);
  return host;
}
