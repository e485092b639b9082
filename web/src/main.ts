/** Opens the page: fetches the manifest, restores the view, and puts the parts together. */
import { Actions } from "./actions";
import type { App } from "./app";
import { aspectOf } from "./arrays";
import { Data } from "./data";
import { el, notice } from "./dom";
import { makeHeader } from "./header";
import { bindKeys, makeHelp } from "./help";
import { makeSide } from "./side";
import { openSource } from "./source";
import { makeStage } from "./stage";
import { bindAddress, fromHash, Store } from "./state";
import "./style.css";
import { openTags } from "./tags";
import { applyTheme } from "./theme";

const status = el("p", { className: "status", role: "status", "aria-live": "polite" });
let quiet = 0;

function say(text: string, trouble = false): void {
  status.textContent = text;
  status.classList.toggle("trouble", trouble);
  clearTimeout(quiet);
  quiet = window.setTimeout(() => (status.textContent = ""), trouble ? 12_000 : 5_000);
}

/** Pictures of all images have their shape, and about the same area. */
function setAspect(shape: number[]): void {
  const aspect = aspectOf(shape);
  const { style } = document.documentElement;
  style.setProperty("--aspect", String(aspect));
  style.setProperty("--wide", String(Math.sqrt(aspect)));
}

async function open(host: HTMLElement): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  const source = await openSource(token);
  const { manifest } = source;
  await openTags(manifest, source.tags);
  document.title = `${manifest.title} · isthmus explorer`;
  const fail = (error: Error): void => say(error.message, true);
  const store = new Store(fromHash(location.hash, manifest), manifest);
  const data = new Data(source, fail);
  data.useBands(store.view.bands);
  store.on(["bands"], () => data.useBands(store.view.bands)); // before all views that draw anew
  setAspect(manifest.images.shape);
  const app: App = { store, data, act: new Actions(store, data, fail), say, fail };
  const help = makeHelp();
  host.replaceChildren(makeHeader(app, help), makeStage(app), makeSide(app), status, help);
  const restored = (): void => {
    if (store.view.picked !== null && !store.view.code) app.act.pick(store.view.picked);
  };
  bindAddress(store, token, restored);
  bindKeys(app, help);
  restored();
}

applyTheme();
const host = document.getElementById("app") as HTMLElement;
open(host).catch((error: Error) => {
  host.replaceChildren(
    el("h1", {}, "The explorer cannot open"),
    notice(error.message, "alert"),
    el("p", {}, "Serve this folder by any file server; a page opened as a file may fetch nothing."),
  );
  host.className = "broken";
});
