/** Where maps are: one, or those compared side by side. */
import type { App } from "./app";
import { el } from "./dom";
import { MapPanel } from "./map/panel";
import { compared } from "./views/compare";

export function makeStage(app: App): HTMLElement {
  const { store } = app;
  const stage = el("main", { className: "stage" });
  const main = new MapPanel(app);
  const others = new Map<string, HTMLElement>(); // kept: listeners of a panel stay with the store

  function beside(name: string): HTMLElement {
    const kept = others.get(name);
    if (kept) return kept;
    const panel = new MapPanel(app, name);
    const box = el("section", { "aria-label": name }, el("h2", {}, name), panel.element);
    others.set(name, box);
    return box;
  }

  const arrange = (): void => {
    const names = store.view.tab === "compare" ? compared(app) : [];
    stage.dataset.maps = String(Math.max(names.length, 1));
    stage.replaceChildren(...(names.length ? names.map(beside) : [main.element]));
  };
  store.on(["tab", "compare", "model"], arrange);
  arrange();
  return stage;
}
