/** Codes that keep their place: an image cell by cell, and what the numbers of one of them say. */
import { type App, drawn } from "../app";
import { type Codes, cropped, type Pictures } from "../arrays";
import { button, choice, el, labelled, notice, round, slider } from "../dom";
import { latest } from "../latest";
import type { Cells, Model } from "../manifest";
import { captioned, frame, paint, painted } from "../picture";
import { type Cover, covered } from "./overlay";

const MOST_AT_FIRST = 16;
const AROUND = 1; // cells beside the chosen one that a close look shows
const STEPS = [0, 0.25, 0.5, 0.75, 1]; // of the range of a number

/** What is looked at. */
interface Seen {
  model: Model;
  cells: Cells;
  id: number;
  image: Pictures;
  codes: Codes;
}

interface Spot {
  row: number;
  column: number;
}

const numbersOf = (cells: Cells): number => (cells.kind === "index" ? 1 : cells.width);

function codeAt({ cells, codes }: Seen, { row, column }: Spot): Codes {
  const k = numbersOf(cells);
  const at = (row * cells.columns + column) * k;
  return codes.slice(at, at + k);
}

function coverOf({ cells, codes }: Seen, number: number): Cover {
  const { rows, columns, stride, low, high } = cells;
  const size = { rows, columns, step: stride };
  if (cells.kind === "index") return { ...size, values: codes, ends: null };
  const values = Float32Array.from(
    { length: rows * columns },
    (_, i) => codes[i * cells.width + number],
  );
  return { ...size, values, ends: [low[number], high[number]] };
}

/** The part of an image around a cell. */
function close({ cells }: Seen, { row, column }: Spot, image: Pictures): Pictures {
  const { side, stride } = cells;
  const beside = Math.max(AROUND * side, 4);
  const [top, left] = [row * stride - beside, column * stride - beside];
  return cropped(image, top, left, side + 2 * beside);
}

/** A frame around the chosen cell, as shares of the image. */
function place(mark: HTMLElement, { cells, image }: Seen, { row, column }: Spot): void {
  const [h, w] = image.shape;
  const { side, stride } = cells;
  const share = (length: number, whole: number): string => `${(100 * length) / whole}%`;
  mark.style.left = share(column * stride, w);
  mark.style.top = share(row * stride, h);
  mark.style.width = share(Math.min(side, w - column * stride), w);
  mark.style.height = share(Math.min(side, h - row * stride), h);
}

function board(seen: Seen, canvas: HTMLElement, at: Spot, choose: (at: Spot) => void): HTMLElement {
  const { rows, columns, stride } = seen.cells;
  const [h, w] = seen.image.shape;
  const mark = el("span", { className: "cell-mark", "aria-hidden": "true" });
  const box = el("div", { className: "board", tabIndex: 0, role: "group" }, canvas, mark);
  box.setAttribute("aria-label", "Cells: click one, or move by the arrow keys");
  const go = (row: number, column: number): void => {
    const within = (i: number, count: number) => Math.min(Math.max(i, 0), count - 1);
    at = { row: within(row, rows), column: within(column, columns) };
    place(mark, seen, at);
    choose(at);
  };
  box.onclick = (event) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const [x, y] = [((event.clientX - left) / width) * w, ((event.clientY - top) / height) * h];
    go(Math.floor(y / stride), Math.floor(x / stride));
  };
  box.onkeydown = (event) => {
    const moves: Record<string, [number, number]> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    };
    const by = moves[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    go(at.row + by[0], at.column + by[1]);
  };
  place(mark, seen, at);
  return box;
}

/** Sliders for the code of one cell; `moved` is called with the code after each move. */
function sliders(cells: Cells, code: Codes, moved: (code: Codes, number: number) => void) {
  const now = code.slice();
  const index = cells.kind === "index";
  const count = numbersOf(cells);
  const row = (j: number): HTMLElement => {
    const shown = el("output", {}, index ? String(now[j]) : now[j].toFixed(2));
    const ends: [number, number] = index
      ? [0, cells.width - 1]
      : [Math.min(cells.low[j], code[j]), Math.max(cells.high[j], code[j])];
    const label = index ? "Index of the cell" : `Number ${j} of the cell`;
    const box = slider(ends, now[j], (value) => {
      now[j] = value;
      shown.textContent = index ? String(value) : value.toFixed(2);
      moved(now.slice(), j);
    }, { "aria-label": label });
    if (index) {
      box.step = "1";
      box.value = String(now[j]);
    }
    return el("div", { className: "slider-row" }, el("span", {}, index ? "index" : `${j}`), box, shown);
  };
  const host = el("div", { className: "sliders" });
  const show = (most: number): void => {
    host.replaceChildren(...Array.from({ length: Math.min(most, count) }, (_, j) => row(j)));
    if (most < count) host.append(button(`Show all ${count} numbers`, () => show(count)));
  };
  show(MOST_AT_FIRST);
  return host;
}

/** The chosen cell: its code, the image decoded with another one, and what one number does. */
function inside(app: App, seen: Seen, at: Spot, number: number): HTMLElement {
  const { source } = app.data;
  const { model, cells, id } = seen;
  const code = codeAt(seen, at);
  const whole = frame("Image decoded with this code", { className: "picture photo", id: "changed" });
  const near = frame("The cell decoded with this code");
  const strip = el("div", { className: "strip five", id: "steps" });
  const decode = latest(
    (changed: Codes) => source.cell(model, { id, ...at }, changed),
    (found) => {
      paint(whole, found);
      paint(near, close(seen, at, found));
    },
    app.fail,
  );
  async function steps(j: number): Promise<void> {
    const [low, high] = [cells.low[j], cells.high[j]];
    const values = STEPS.map((share) => low + share * (high - low));
    const parts = values.map(async (value) => {
      const changed = code.slice();
      changed[j] = value;
      const found = close(seen, at, await source.cell(model, { id, ...at }, changed));
      return captioned(painted(`Number ${j} at ${round(value, 2)}`, found), `${round(value, 2)}`);
    });
    strip.replaceChildren(...(await Promise.all(parts)));
  }
  decode(code);
  const title = el("h3", {}, `Cell in row ${at.row}, column ${at.column}`);
  const own = captioned(painted("The cell", close(seen, at, seen.image)), "the cell, as it is");
  const pair = el("div", { className: "strip" }, own, captioned(near, "decoded"));
  const parts: HTMLElement[] = [title, pair, sliders(cells, code, decode)];
  if (cells.kind === "vector") {
    parts.push(el("h3", {}, `What number ${number} does, from low to high`), strip);
    void steps(number).catch(app.fail);
  }
  const caption = "the whole image, decoded with the code above in this cell";
  return el("div", {}, ...parts, captioned(whole, caption));
}

export function makeCells(app: App): HTMLElement {
  const { store, data } = app;
  const models = data.manifest.models.filter((model) => model.code === "cells");
  if (!models.length) {
    const words = "No model here has codes of cells: `patch=` and architecture=\"spatial\" do.";
    return el("div", {}, notice(words));
  }
  let model = models[0];
  let number = 0;
  let strength = 0.5;
  let at: Spot | null = null;
  let turn = 0; // of drawing: what was begun before the last one is not shown
  const host = el("div");
  const look = el("section", { "aria-label": "Chosen cell" });
  const redrawn = () => void redraw().catch(app.fail);

  function chooser(cells: Cells): HTMLElement | null {
    if (cells.kind === "index") return null;
    const all = Array.from({ length: cells.width }, (_, j): [string, string] => [
      String(j),
      `number ${j}`,
    ]);
    const box = choice(all, String(number), (j) => {
      number = Number(j);
      redrawn();
    });
    return labelled("Colours by", box);
  }

  async function redraw(): Promise<void> {
    if (store.model.code === "cells") model = store.model;
    const cells = model.cells as Cells;
    const names = models.map(({ name }): [string, string] => [name, name]);
    const pick = labelled("Model", choice(names, model.name, (name) => app.act.useModel(name)));
    const why = data.source.cannot(model, "cell");
    if (why) return host.replaceChildren(pick, notice(why));
    const mine = ++turn;
    const id = store.view.picked ?? 0;
    number = Math.min(number, numbersOf(cells) - 1);
    const [image, codes] = await Promise.all([
      data.atlas.images([id]),
      data.source.grid(model, id),
    ]);
    const seen = { model, cells, id, image, codes };
    const named = (i: number): string => `index ${i}`;
    const over = await covered(image, coverOf(seen, number), named, "cells", strength);
    if (mine !== turn) return;
    over.share.addEventListener("input", () => (strength = over.share.valueAsNumber));
    const middle = { row: cells.rows >> 1, column: cells.columns >> 1 };
    const here = at && at.row < cells.rows && at.column < cells.columns ? at : middle;
    const choose = (spot: Spot): void => {
      at = spot;
      look.replaceChildren(inside(app, seen, spot, number));
    };
    const { rows, columns, side } = cells;
    const size = `${rows} x ${columns} cells of ${side} x ${side} pixels; click one.`;
    const title = el("h3", {}, data.name(id));
    const words = el("p", { className: "words" }, size);
    const shown = board(seen, over.canvas, here, choose);
    const parts = [pick, title, words, chooser(cells), shown, ...over.controls, look];
    host.replaceChildren(...parts.filter((part) => part !== null));
    choose(here);
  }
  drawn(app, "cells", ["picked", "model"], redraw);
  return host;
}
