/** What is shown: model, layout and colour, and what a drag does. */
import type { App } from "./app";
import { button, choice, el, labelled } from "./dom";
import { layoutKey } from "./manifest";
import type { View } from "./state";
import { applyTheme, cycleTheme } from "./theme";

const MODES: [View["mode"], string, string][] = [
  ["move", "Move", "A drag moves the map (M)"],
  ["lasso", "Lasso", "A drag selects (L, or hold Shift)"],
  ["probe", "Decode", "A drag decodes the place below it (P)"],
];

function choices({ store, data, act }: App): HTMLElement[] {
  const { view, model } = store;
  const models = data.manifest.models.map((m): [string, string] => [m.name, m.name]);
  const layouts = model.layouts.map((l): [string, string] => [
    layoutKey(l),
    l.dimensions === 3 ? `${l.title}, 3-D` : l.title,
  ]);
  const colours = data.manifest.colours
    .filter((c) => c.model === null || c.model === view.model || c.id === view.colour)
    .map((c): [string, string] => [c.id, c.title]);
  const boxes = [
    labelled("Model", choice(models, view.model, (name) => act.useModel(name))),
    labelled("Layout", choice(layouts, view.layout, (id) => act.useLayout(id))),
    labelled("Colour", choice(colours, view.colour, (colour) => store.set({ colour, hidden: [] }))),
  ];
  for (const [i, all] of [models, layouts, colours].entries())
    (boxes[i].lastElementChild as HTMLSelectElement).disabled = !all.length;
  boxes[0].title = model.about;
  return boxes;
}

function modes({ store }: App): HTMLElement {
  const row = el("div", { className: "modes", role: "group", "aria-label": "What a drag does" });
  for (const [mode, label, title] of MODES)
    row.append(button(label, () => store.set({ mode }), { title, "data-mode": mode }));
  const show = (): void => {
    for (const box of row.children)
      box.setAttribute("aria-pressed", String(box.getAttribute("data-mode") === store.view.mode));
  };
  store.on(["mode"], show);
  show();
  return row;
}

async function share(app: App): Promise<void> {
  try {
    await navigator.clipboard.writeText(location.href);
    app.say("The address of this view is on the clipboard");
  } catch {
    window.prompt("The address of this view:", location.href);
  }
}

export function makeHeader(app: App, help: HTMLDialogElement): HTMLElement {
  const host = el("div", { className: "choices" });
  const redraw = (): void => host.replaceChildren(...choices(app));
  app.store.on(["model", "layout", "colour"], redraw);
  redraw();
  const theme = el(
    "button",
    { type: "button", onclick: cycleTheme, title: "Light or dark (T)" },
    "Theme: ",
    el("span", { "data-theme-name": "" }, "auto"),
  );
  const title = el("h1", {}, app.data.manifest.title);
  const tools = [
    button("Share", () => void share(app), { title: "Copy the address of this view" }),
    theme,
    button("Help", () => help.showModal(), { title: "Keys and ways (?)" }),
  ];
  setTimeout(applyTheme);
  return el(
    "header",
    {},
    title,
    host,
    modes(app),
    el("div", { className: "tools" }, ...tools),
  );
}
