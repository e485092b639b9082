/** From image to image by their codes, played or kept as a GIF. */
import { type App, drawn, NOTHING_SELECTED } from "../app";
import { type Codes, type Pictures, picture } from "../arrays";
import { button, download, el, labelled, notice, slider } from "../dom";
import { toGif } from "../gif";
import { latest } from "../latest";
import { frame, paint } from "../picture";
import { thumbnails } from "./thumbnails";

const FRAMES = 16; // between two images
const PACE = 60; // milliseconds a frame

/** The code at t of the way: 0 is the first image, 1 the second, and so on. */
export function codeBetween(codes: ArrayLike<number>[], t: number, isIndex: boolean): number[] {
  const i = Math.min(Math.floor(t), codes.length - 2);
  const part = isIndex ? Math.round(t - i) : t - i;
  return Array.from(codes[i], (x, j) => x + part * (codes[i + 1][j] - x));
}

export function makeMorph(app: App): HTMLElement {
  const { store, data } = app;
  const view = frame("The morphed image", { id: "morphed", className: "picture large" });
  const picks = el("div");
  const where = slider([0, 1], 0, (t) => show(t), { "aria-label": "Way from image to image" });
  let codes: Codes[] = [];
  let playing = 0;

  const at = (t: number): number[] => codeBetween(codes, t, store.model.code === "index");
  const show = latest(
    (t: number) => data.decode(store.model, at(t)),
    (found: Pictures, t) => {
      paint(view, found);
      view.dataset.t = String(t);
    },
    app.fail,
  );

  async function frames(): Promise<Pictures> {
    const steps = Array.from({ length: (codes.length - 1) * FRAMES + 1 }, (_, i) => i / FRAMES);
    return data.decode(store.model, steps.flatMap(at));
  }

  async function play(): Promise<void> {
    if (playing) return stop();
    const all = await frames();
    let i = 0;
    playBox.textContent = "Stop";
    playing = window.setInterval(() => {
      const turn = i++ % (2 * all.count - 2 || 1);
      const k = turn < all.count ? turn : 2 * all.count - 2 - turn; // there and back
      paint(view, picture(all, k));
      where.value = String(k / FRAMES);
    }, PACE);
  }

  function stop(): void {
    clearInterval(playing);
    playing = 0;
    playBox.textContent = "Play";
  }

  async function save(): Promise<void> {
    download("morph.gif", toGif(await frames(), PACE), "image/gif");
    app.say("Saved morph.gif");
  }

  const playBox = button("Play", () => void play().catch(app.fail));
  const saveBox = button("Save GIF", () => void save().catch(app.fail));
  const controls = el(
    "div",
    {},
    view,
    labelled("Way", where),
    el("div", { className: "row" }, playBox, saveBox),
  );
  const add = (ids: number[]): void => store.set({ morph: [...store.view.morph, ...ids] });
  const addPicked = button("Add the chosen image", () => {
    if (store.view.picked === null) return app.say("Choose an image on the map first");
    add([store.view.picked]);
  });
  const addSelected = button("Add those selected", () => {
    if (!store.view.selection.length) return app.say(NOTHING_SELECTED);
    add(store.view.selection.slice(0, 12));
  });
  const clear = button("Start over", () => store.set({ morph: [] }));

  async function redraw(): Promise<void> {
    stop();
    const { morph } = store.view;
    const { model } = store;
    const why = data.source.cannot(model, "decode") ?? data.source.cannot(model, "encode");
    controls.hidden = why !== null || morph.length < 2 || model.codes === null;
    const drop = (_: number, i: number) => store.set({ morph: morph.filter((__, k) => k !== i) });
    const row = await thumbnails(app, morph, drop);
    const words = why ?? (morph.length < 2 ? "Tap two or more images on the map." : "");
    picks.replaceChildren(row, ...(words ? [notice(words)] : []));
    if (controls.hidden) return;
    codes = await Promise.all(morph.map((id) => data.codeOf(model, id)));
    where.max = String(codes.length - 1);
    show(Math.min(where.valueAsNumber, codes.length - 1));
  }
  drawn(app, "morph", ["morph", "model"], redraw);
  store.on(["tab"], stop);
  return el(
    "div",
    {},
    el("div", { className: "row" }, addPicked, addSelected, clear),
    picks,
    controls,
  );
}
