/** The panel beside the map: what is now, and a tab for every thing to do. */
import type { App } from "./app";
import { el } from "./dom";
import { TABS, type Tab } from "./state";
import { makeCells } from "./views/cells";
import { makeCompare } from "./views/compare";
import { makeDraw } from "./views/draw";
import { makeEdit } from "./views/edit";
import { makeGenerate } from "./views/generate";
import { makeLook } from "./views/look";
import { makeMorph } from "./views/morph";
import { makeNow } from "./views/now";
import { makePixels } from "./views/pixels";
import { makeSliders } from "./views/sliders";
import { makeUnits } from "./views/units";

const VIEWS: Record<Tab, [string, (app: App) => HTMLElement]> = {
  look: ["Look", makeLook],
  sliders: ["Sliders", makeSliders],
  morph: ["Morph", makeMorph],
  edit: ["Edit", makeEdit],
  draw: ["Draw", makeDraw],
  compare: ["Compare", makeCompare],
  units: ["Units", makeUnits],
  pixels: ["Pixels", makePixels],
  generate: ["Generate", makeGenerate],
  cells: ["Cells", makeCells],
};

export function makeSide(app: App): HTMLElement {
  const { store } = app;
  const made = new Map<Tab, HTMLElement>();
  const body = el("div", { className: "tab-body", role: "tabpanel", id: "tab-body" });
  const bar = el("div", { className: "tabs", role: "tablist", "aria-label": "What to do" });
  const buttons = TABS.map((tab) =>
    el(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${tab}`,
        "aria-controls": "tab-body",
        onclick: () => store.set({ tab }),
      },
      VIEWS[tab][0],
    ),
  );
  bar.append(...buttons);
  bar.addEventListener("keydown", (event) => {
    const now = TABS.indexOf(store.view.tab);
    const last = TABS.length - 1;
    const to = { ArrowRight: now + 1, ArrowLeft: now + last, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const at = to % TABS.length;
    store.set({ tab: TABS[at] });
    buttons[at].focus();
  });

  const show = (): void => {
    const { tab } = store.view;
    buttons.forEach((box, i) => {
      box.setAttribute("aria-selected", String(TABS[i] === tab));
      box.tabIndex = TABS[i] === tab ? 0 : -1;
      if (TABS[i] === tab) box.scrollIntoView({ block: "nearest", inline: "nearest" });
    });
    if (!made.has(tab)) made.set(tab, VIEWS[tab][1](app));
    body.setAttribute("aria-labelledby", `tab-${tab}`);
    body.replaceChildren(made.get(tab) as HTMLElement);
    document.documentElement.dataset.tab = tab;
  };
  store.on(["tab"], show);
  queueMicrotask(show); // once it is on the page
  return el("aside", { "aria-label": "Tools" }, makeNow(app), bar, body);
}
