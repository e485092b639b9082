/** The chosen image in words, and what to do with those that are selected. */
import { type App, drawn } from "../app";
import { button, el, labelled, notice, round } from "../dom";
import { saveCsv, saveFolder } from "../export";
import { addTag, readTags, removeTag } from "../tags";
import { oddsOf } from "./odds";
import { thumbnails } from "./thumbnails";

const MOST_SHOWN = 48;
const MOST_NUMBERS = 16;

async function facts({ data, store }: App, id: number): Promise<Node[]> {
  const rows: [string, string][] = [];
  const split = data.manifest.splits.find((s) => id >= s.start && id < s.end);
  if (split) rows.push(["part", split.name]);
  for (const colour of data.manifest.colours) {
    if (colour.model !== null && colour.model !== store.view.model) continue;
    const value = (await data.painting(colour)).values[id];
    const word = colour.kind === "category" ? colour.categories?.[value] : round(value, 4);
    rows.push([colour.title, String(word ?? "none")]);
  }
  const { code } = store.view;
  if (code) {
    const start = code.slice(0, MOST_NUMBERS).map((x) => round(x, 3));
    rows.push(["code", start.join(", ") + (code.length > MOST_NUMBERS ? ", …" : "")]);
  }
  return [el("dl", {}, ...rows.flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, v)]))];
}

async function neighbours(app: App, id: number): Promise<Node[]> {
  const { data, store } = app;
  const { model } = store;
  if (!model.codes) return [];
  const near = await data.nearest(model, (await data.codeOf(model, id)).slice(), 9);
  const others = near.filter((other) => other !== id).slice(0, 8);
  return [el("h3", {}, `Nearest by ${model.name}`), await thumbnails(app, others)];
}

/** What every classifier that can be asked says of the image. */
async function predictions(app: App, id: number): Promise<Node[]> {
  const { source, atlas, manifest } = app.data;
  const able = manifest.models.filter((model) => !source.cannot(model, "predict"));
  if (!able.length) return [];
  const image = manifest.images.bands ? [id] : await atlas.images([id]);
  const parts = able.map(async (model) => [
    el("h3", {}, `Classes by ${model.name}`),
    await oddsOf(app, model, image),
  ]);
  return (await Promise.all(parts)).flat();
}

function tagging(app: App, redraw: () => void): HTMLElement {
  const { store, data } = app;
  const word = el("input", { type: "text", maxLength: 60, placeholder: "a word" });
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!word.value.trim()) return;
    try {
      await addTag(data.manifest, word.value.trim(), store.view.selection);
      app.say(`Tagged ${store.view.selection.length} images “${word.value.trim()}”`);
    } catch (error) {
      app.fail(error as Error);
    }
    redraw();
  };
  return el(
    "form",
    { className: "row", onsubmit: (event: Event) => void add(event) },
    labelled("Tag", word, { className: "field inline" }),
    el("button", { type: "submit" }, "Add tag"),
  );
}

function tagList(app: App, redraw: () => void): HTMLElement | null {
  const { store, data } = app;
  const tags = Object.entries(readTags());
  if (!tags.length) return null;
  const rows = tags.map(([word, ids]) =>
    el(
      "li",
      {},
      button(`${word} (${ids.length})`, () => store.set({ selection: ids }), {
        title: "Select these",
      }),
      button(
        "✕",
        () => {
          void removeTag(data.manifest, word).then(redraw, app.fail);
        },
        { "aria-label": `Remove tag ${word}`, className: "plain" },
      ),
    ),
  );
  return el("div", {}, el("h3", {}, "Tags"), el("ul", { className: "tags" }, ...rows));
}

async function selected(app: App, redraw: () => void): Promise<Node[]> {
  const { store } = app;
  const { selection } = store.view;
  if (!selection.length)
    return [notice("Nothing is selected: draw a line around points (Lasso, or hold Shift).")];
  const shown = selection.slice(0, MOST_SHOWN);
  const rest = selection.length - shown.length;
  const save = (how: typeof saveCsv) => () => void how(app, selection).catch(app.fail);
  return [
    await thumbnails(app, shown),
    ...(rest ? [el("p", { className: "words" }, `and ${rest} more`)] : []),
    el(
      "div",
      { className: "row" },
      button("Save CSV", save(saveCsv)),
      button("Save folder (zip)", save(saveFolder)),
      button("Clear", () => store.set({ selection: [] })),
    ),
    tagging(app, redraw),
    el(
      "div",
      { className: "row" },
      button("More like these", () => store.set({ more: selection, tab: "edit" })),
      button("Less like these", () => store.set({ less: selection, tab: "edit" })),
    ),
  ];
}

export function makeLook(app: App): HTMLElement {
  const { store } = app;
  const about = el("section", { "aria-label": "Chosen image" });
  const chosen = el("section", { "aria-label": "Selection" });

  const drawChosen = async (): Promise<void> => {
    const { picked } = store.view;
    if (picked === null)
      return about.replaceChildren(
        notice("Tap an image on the map to see it here; drag the map, pinch or scroll to zoom."),
      );
    // each for itself: what was fetched before is there even when the server is gone
    const parts = [facts, neighbours, predictions].map((part) =>
      part(app, picked).catch((error: Error) => [notice(error.message, "alert")]),
    );
    const found = (await Promise.all(parts)).flat();
    if (store.view.picked === picked) about.replaceChildren(...found);
  };
  const drawSelection = async (): Promise<void> => {
    const { selection } = store.view;
    const parts = await selected(app, () => void drawSelection().catch(app.fail));
    if (store.view.selection !== selection) return;
    const title = el("h2", {}, `Selected: ${selection.length}`);
    const tags = tagList(app, () => void drawSelection().catch(app.fail));
    chosen.replaceChildren(title, ...parts, ...(tags ? [tags] : []));
  };
  drawn(app, "look", ["picked", "code", "model"], drawChosen);
  drawn(app, "look", ["selection", "model"], drawSelection);
  return el("div", {}, about, chosen);
}
