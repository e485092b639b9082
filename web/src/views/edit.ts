/** Edits along a direction: the mean code of one group of images less that of another. */
import { type App, drawn, NOTHING_SELECTED } from "../app";
import { button, el, labelled, notice, slider } from "../dom";
import { picture } from "../arrays";
import { captioned, painted } from "../picture";
import { thumbnails } from "./thumbnails";

const SHOWN = 8; // images of a group, a row of them
const STRENGTHS = [-2, -1, 0, 1, 2];

export function makeEdit(app: App): HTMLElement {
  const { store, data, act } = app;
  const groups = el("div");
  const result = el("div");
  const strip = el("div", { className: "strip five" });
  const strength = slider([-3, 3], 0, (value) => apply(value), { "aria-label": "Strength" });
  const controls = el("div", {}, labelled("Strength", strength), strip);
  let base: number[] = [];
  let direction: number[] = [];

  const edited = (by: number): number[] => base.map((x, j) => x + by * direction[j]);
  const apply = (by: number): void => act.setCode(edited(by));

  async function group(title: string, key: "more" | "less"): Promise<HTMLElement> {
    const ids = store.view[key];
    const take = button("Take those selected", () => {
      if (!store.view.selection.length) return app.say(NOTHING_SELECTED);
      store.set({ [key]: store.view.selection });
    });
    const none = button("Empty", () => store.set({ [key]: [] }));
    return el(
      "section",
      { "aria-label": title },
      el("h3", {}, `${title} (${ids.length})`),
      await thumbnails(app, ids.slice(0, SHOWN)),
      el("div", { className: "row" }, take, none),
    );
  }

  /** Why there is nothing to edit yet, or null. */
  function missing(): string | null {
    const { more, picked } = store.view;
    if (store.model.code !== "vector")
      return `Codes of ${store.model.name} are not vectors, so they have no directions.`;
    const why = data.source.cannot(store.model, "decode");
    if (why) return why;
    if (!more.length) return "Lasso some images and take them as “more like these”.";
    return picked === null ? "Choose an image on the map to edit it." : null;
  }

  async function redraw(): Promise<void> {
    groups.replaceChildren(
      await group("More like these", "more"),
      await group("Less like these", "less"),
    );
    const why = missing();
    controls.hidden = why !== null;
    result.replaceChildren(...(why ? [notice(why)] : []));
    if (why) return;
    const { model } = store;
    const { more, less, picked } = store.view;
    const plus = await data.mean(model, more);
    const minus = less.length ? await data.mean(model, less) : model.mean;
    direction = plus.map((x, j) => x - minus[j]);
    base = Array.from(await data.codeOf(model, picked as number));
    const row = await data.decode(model, STRENGTHS.flatMap(edited));
    const pictures = STRENGTHS.map((by, i) =>
      captioned(painted(`Strength ${by}`, picture(row, i)), by > 0 ? `+${by}` : `${by}`),
    );
    strip.replaceChildren(...pictures);
    strength.value = "0";
  }
  drawn(app, "edit", ["more", "less", "picked", "model"], redraw);
  const hint = "An empty second group stands for the mean of all images.";
  return el("div", {}, groups, el("p", { className: "words" }, hint), result, controls);
}
