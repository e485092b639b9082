/** One slider per latent dimension, the most useful first. */
import { type App, drawn } from "../app";
import { button, el, notice, round, slider } from "../dom";
import type { Model } from "../manifest";
import { normals } from "../random";

const MOST_AT_FIRST = 24;

interface Row {
  j: number;
  element: HTMLElement;
  show(value: number): void;
}

function makeRow(model: Model, j: number, onvalue: (j: number, value: number) => void): Row {
  const shown = el("output", {});
  const label = `Number ${j}`;
  const box = slider([model.low[j], model.high[j]], 0, (value) => onvalue(j, value), {
    "aria-label": label,
  });
  const useful = `${label}, usefulness ${round(model.usefulness[j], 3)}`;
  return {
    j,
    element: el("div", { className: "slider-row", title: useful }, el("span", {}, `${j}`), box, shown),
    show: (value) => {
      if (document.activeElement !== box || box.valueAsNumber !== value) box.value = String(value);
      shown.textContent = (Math.round(100 * value) / 100 + 0).toFixed(2); // without -0.00
    },
  };
}

async function copied(app: App, code: number[]): Promise<void> {
  const text = `[${code.map((x) => round(x, 7)).join(", ")}]`;
  try {
    await navigator.clipboard.writeText(text);
    app.say("The code is on the clipboard");
  } catch {
    window.prompt("Copy the code:", text);
  }
}

function vectorSliders(app: App, host: HTMLElement, all: boolean, showAll: () => void): () => void {
  const { store, act } = app;
  const { model } = store;
  const now = (): number[] => store.view.code ?? [...model.mean];
  const order = all ? model.order : model.order.slice(0, MOST_AT_FIRST);
  const rows = order.map((j) =>
    makeRow(model, j, (k, value) => act.setCode(now().map((x, i) => (i === k ? value : x)))),
  );
  const randomise = (): void => {
    const { normal } = normals(Math.floor(Math.random() * 2 ** 32));
    act.setCode(model.mean.map((m, j) => m + model.deviation[j] * normal()));
  };
  host.replaceChildren(
    el(
      "div",
      { className: "row" },
      button("Reset to mean", () => act.setCode([...model.mean])),
      button("Randomise", randomise),
      button("Copy", () => void copied(app, now())),
    ),
    el("p", { className: "words" }, "The latent dimensions, the most useful first."),
    el("div", { className: "sliders" }, ...rows.map((row) => row.element)),
  );
  if (order.length < model.width)
    host.append(button(`Show all ${model.width} numbers`, showAll));
  return () => rows.forEach((row) => row.show(now()[row.j]));
}

async function unitSlider(app: App, host: HTMLElement): Promise<() => void> {
  const { store, act, data } = app;
  const { model } = store;
  const units = await data.units(model);
  const shown = el("output", {});
  const box = slider([0, units - 1], 0, (unit) => act.setCode([unit]), { "aria-label": "Unit" });
  box.step = "1";
  host.replaceChildren(
    notice(`A code of ${model.name} is one of ${units} units.`),
    el("div", { className: "slider-row" }, el("span", {}, "unit"), box, shown),
  );
  return () => {
    const unit = store.view.code?.[0] ?? 0;
    box.value = String(unit);
    shown.textContent = String(unit);
  };
}

export function makeSliders(app: App): HTMLElement {
  const { store, data } = app;
  const host = el("div");
  let show = (): void => undefined;
  let all = false;

  const build = async (): Promise<void> => {
    const { model } = store;
    const why = data.source.cannot(model, "decode");
    show = () => undefined;
    if (why || model.code === "pixels") return host.replaceChildren(notice(why ?? ""));
    if (model.code === "index") show = await unitSlider(app, host);
    else
      show = vectorSliders(app, host, all, () => {
        all = true;
        void build();
      });
    if (!store.view.code) app.act.setCode(model.code === "index" ? [0] : [...model.mean]);
    show();
  };
  drawn(app, "sliders", ["model"], build);
  drawn(app, "sliders", ["code"], () => show());
  return host;
}
