/** Which models lie side by side, the chosen image under each, and their scores. */
import { type App, drawn } from "../app";
import { el, notice, round } from "../dom";
import { drawLegend } from "../map/legend";
import type { Metric, Model } from "../manifest";
import { captioned, painted } from "../picture";

export const MOST_COMPARED = 4;

/** The models side by side: those asked for, or the first that are on a map. */
export function compared({ store, data }: App): string[] {
  const { compare, model } = store.view;
  if (compare.length) return compare.slice(0, MOST_COMPARED);
  const mapped = data.manifest.models.filter((m) => m.layouts.length).map((m) => m.name);
  return [model, ...mapped.filter((name) => name !== model)]
    .filter((name) => mapped.includes(name))
    .slice(0, 2);
}

function boxes(app: App): HTMLElement {
  const { store, data } = app;
  const chosen = compared(app);
  const rows = data.manifest.models
    .filter((model) => model.layouts.length)
    .map((model) => {
      const box = el("input", { type: "checkbox", checked: chosen.includes(model.name) });
      const full = chosen.length >= MOST_COMPARED || chosen.length <= 1;
      box.disabled = box.checked ? chosen.length <= 1 : full && chosen.length > 1;
      box.onchange = () =>
        store.set({
          compare: box.checked
            ? [...chosen, model.name]
            : chosen.filter((name) => name !== model.name),
        });
      return el("label", { className: "check" }, box, model.name);
    });
  return el("fieldset", {}, el("legend", {}, "Side by side, up to four"), ...rows);
}

/** A score as a person reads it, without its unit. */
function written(value: number | null | undefined, metric: Metric | undefined): string {
  if (typeof value !== "number") return "–";
  if (metric?.unit === "%") return `${(100 * value).toFixed(1)} %`;
  return typeof metric?.decimals === "number"
    ? value.toFixed(metric.decimals)
    : String(round(value, 4));
}

/** Name, unit and direction of a score, with its meaning on hover. */
function heading(name: string, metric: Metric | undefined): HTMLElement {
  if (!metric) return el("th", { scope: "row" }, name.replaceAll("_", " "));
  const unit = metric.unit && metric.unit !== "%" ? `, ${metric.unit}` : "";
  const arrow = metric.better === "lower" ? "↓" : "↑";
  return el("th", { scope: "row", title: metric.meaning }, `${metric.title}${unit} ${arrow}`);
}

function scores(models: Model[], metrics: Record<string, Metric>): HTMLElement {
  const names = [...new Set(models.flatMap((model) => Object.keys(model.scores)))].filter((name) =>
    models.some((model) => typeof model.scores[name] === "number"),
  );
  if (!names.length) return notice("No scores: these models do not come from a study.");
  const head = el("tr", {}, el("th", { scope: "col" }, "score"));
  for (const model of models) head.append(el("th", { scope: "col" }, model.name));
  const rows = names.map((name) => {
    const row = el("tr", {}, heading(name, metrics[name]));
    for (const model of models)
      row.append(el("td", {}, written(model.scores[name], metrics[name])));
    return row;
  });
  const table = el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows));
  return el("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Scores" }, table);
}

export function makeCompare(app: App): HTMLElement {
  const { store, data } = app;
  const host = el("div");
  const under = el("div", { className: "strip five" });
  const key = el("div", { className: "key", role: "group", "aria-label": "Colours" });

  async function reconstructions(): Promise<void> {
    const { picked } = store.view;
    if (picked === null)
      return under.replaceChildren(notice("Choose an image to see it under every model."));
    const parts = [
      captioned(painted("Chosen image", await data.atlas.images([picked])), data.name(picked)),
    ];
    for (const name of compared(app)) {
      const model = data.model(name);
      parts.push(
        data.rebuilds(model)
          ? captioned(painted(name, await data.reconstruction(model, picked)), name)
          : notice(data.source.cannot(model, "decode") ?? `${name} keeps no codes.`),
      );
    }
    under.replaceChildren(...parts);
  }
  const redraw = (): void => {
    const models = compared(app).map((name) => data.model(name));
    host.replaceChildren(boxes(app), key, under, el("h3", {}, "Scores"), scores(models, data.manifest.metrics ?? {}));
  };
  async function explain(): Promise<void> {
    const colour = data.manifest.colours.find(({ id }) => id === store.view.colour);
    drawLegend(key, colour ? await data.painting(colour) : null, store);
  }
  drawn(app, "compare", ["compare", "model"], redraw);
  drawn(app, "compare", ["colour", "hidden"], explain);
  drawn(app, "compare", ["compare", "picked", "model"], reconstructions);
  return host;
}
