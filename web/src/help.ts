/** Keys, and the dialog that names them. */
import type { App } from "./app";
import { button, el } from "./dom";
import { layoutKey } from "./manifest";
import { FIRST_CAMERA, TABS, type View } from "./state";
import { cycleTheme } from "./theme";

const KEYS: [string, string][] = [
  ["arrows", "move the map, with its focus"],
  ["Shift + arrows", "move the point that is decoded"],
  ["+  −  0", "zoom in, zoom out, show all"],
  ["A  D  W  S", "turn a map of three dimensions"],
  ["M  L  P", "drag moves, lassoes, or decodes"],
  ["[  ]", "previous and next image"],
  ["C  Y", "next colour, next layout"],
  ["1 to 9", "the tabs but the last"],
  ["Esc", "clear the selection"],
  ["T", "light, dark, or as the system says"],
  ["?", "this help"],
];

const WAYS = [
  "Drag the map to move it, scroll or pinch to zoom; near enough, points become images.",
  "Hold Shift and drag to lasso. Tap an image to choose it; hold Ctrl to add it to the selection.",
  "With “Decode”, drag anywhere: the code of the place is decoded while you move.",
  "The address restores what you see: share it.",
];

export function makeHelp(): HTMLDialogElement {
  const rows = KEYS.flatMap(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)]);
  const dialog = el(
    "dialog",
    { "aria-label": "Help", className: "help" },
    el("h2", {}, "Help"),
    ...WAYS.map((way) => el("p", {}, way)),
    el("dl", {}, ...rows),
    button("Close", () => dialog.close()),
  );
  return dialog;
}

const STEP = 0.08;
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};
const TURNS: Record<string, [number, number]> = { a: [-1, 0], d: [1, 0], w: [0, -1], s: [0, 1] };

function moved({ store, act }: App, [dx, dy]: [number, number], point: boolean): void {
  const { camera, place } = store.view;
  const step = STEP / camera.zoom;
  if (!point)
    return store.set({ camera: { ...camera, x: camera.x + dx * step, y: camera.y + dy * step } });
  const from = place ?? Array<number>(act.layout?.dimensions ?? 2).fill(0);
  act.probe(from.map((x, i) => x + ([dx, dy][i] ?? 0) * step * 0.5));
}

function next<T>(list: T[], now: T): T {
  return list[(list.indexOf(now) + 1) % list.length];
}

/** What a key does; undefined if nothing. */
function action(app: App, key: string): Partial<View> | (() => void) | undefined {
  const { store, data, act } = app;
  const { camera } = store.view;
  const turn = TURNS[key];
  const by = (factor: number) => ({ camera: { ...camera, zoom: camera.zoom * factor } });
  if (turn && act.layout?.dimensions === 3) {
    const [dx, dy] = turn;
    return { camera: { ...camera, yaw: camera.yaw + dx * 0.1, pitch: camera.pitch + dy * 0.1 } };
  }
  if (/^[1-9]$/.test(key)) return { tab: TABS[Number(key) - 1] };
  const colours = data.manifest.colours.map((c) => c.id);
  const layouts = store.model.layouts.map(layoutKey);
  const actions: Record<string, Partial<View> | (() => void)> = {
    m: { mode: "move" },
    l: { mode: "lasso" },
    p: { mode: "probe" },
    "+": by(1.3),
    "=": by(1.3),
    "-": by(1 / 1.3),
    "0": { camera: FIRST_CAMERA },
    "[": () => act.step(-1),
    "]": () => act.step(1),
    c: () => colours.length && store.set({ colour: next(colours, store.view.colour), hidden: [] }),
    y: () => layouts.length && act.useLayout(next(layouts, store.view.layout)),
    t: cycleTheme,
    Escape: { selection: [] },
  };
  return actions[key];
}

export function bindKeys(app: App, help: HTMLDialogElement): void {
  addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || help.open;
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "?") return help.showModal();
    const arrow = ARROWS[event.key];
    if (arrow && target.classList.contains("map")) {
      event.preventDefault();
      return moved(app, arrow, event.shiftKey);
    }
    const what = action(app, event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (typeof what === "function") what();
    else if (what) app.store.set(what);
  });
}
