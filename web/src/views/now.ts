/** The strip above every tab: the chosen image, its reconstruction, and the decoded code. */
import type { App } from "../app";
import { el } from "../dom";
import { latest } from "../latest";
import { captioned, frame, paint } from "../picture";
import { makeBands } from "./bands";

export function makeNow(app: App): HTMLElement {
  const { store, data } = app;
  const image = frame("Chosen image", { id: "chosen" });
  const back = frame("Reconstruction of the chosen image", { id: "reconstruction" });
  const decoded = frame("Image decoded from the code", { id: "decoded" });
  const words = el("p", { className: "words", role: "status" });
  const caption = el("span", {}, "choose an image");

  const say = (text: string, trouble = false): void => {
    words.textContent = text;
    words.classList.toggle("trouble", trouble);
  };
  const decode = latest(
    (code: number[] | null) =>
      code === null ? Promise.resolve(null) : data.decode(store.model, code),
    (found) => {
      paint(decoded, found);
      decoded.dataset.decoded = String(performance.now()); // when, for the bench
      say("");
    },
    (error) => {
      paint(decoded, null);
      say(error.message, true);
    },
  );
  const choose = latest(
    async (id: number | null) => {
      if (id === null) return [null, null] as const;
      const { model } = store;
      const whole = await data.atlas.images([id]);
      return [whole, data.rebuilds(model) ? await data.reconstruction(model, id) : null] as const;
    },
    ([whole, again], id) => {
      paint(image, whole);
      paint(back, again);
      caption.textContent = id === null ? "choose an image" : data.name(id);
    },
    app.fail,
  );

  const made = captioned(decoded, "decoded code");
  const follow = (): void => {
    made.hidden = store.model.code === "cells"; // there is no one code to move
    const why = data.source.cannot(store.model, "decode");
    if (!why) return decode(store.view.code);
    paint(decoded, null);
    say(why);
  };
  store.on(["code", "model", "bands"], follow);
  store.on(["picked", "model", "bands"], () => choose(store.view.picked));
  follow();
  choose(store.view.picked);
  const trio = [
    captioned(image, caption),
    captioned(back, "reconstruction"),
    made,
  ];
  const parts = [...trio, words, makeBands(app)];
  return el("section", { className: "now", "aria-label": "Now" }, ...parts);
}
