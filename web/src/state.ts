/** The one store of what is shown, and its copy in the page's address. */
import { round } from "./dom";
import { layoutKey, type Manifest, type Model } from "./manifest";

export const TABS = [
  "look",
  "sliders",
  "morph",
  "edit",
  "draw",
  "compare",
  "units",
  "pixels",
  "generate",
  "cells",
] as const;
export type Tab = (typeof TABS)[number];

export interface Camera {
  x: number;
  y: number;
  zoom: number;
  yaw: number;
  pitch: number;
}

export interface View {
  tab: Tab;
  model: string;
  layout: string;
  colour: string;
  camera: Camera;
  mode: "move" | "lasso" | "probe";
  hidden: number[];
  hover: number | null;
  picked: number | null;
  selection: number[];
  /** A place on the map, and the code that is decoded. */
  place: number[] | null;
  code: number[] | null;
  morph: number[];
  more: number[];
  less: number[];
  compare: string[];
  /** Of rasters, which are red, green and blue; null are the usual ones. */
  bands: number[] | null;
}

export const FIRST_CAMERA: Camera = { x: 0, y: 0, zoom: 1, yaw: 0.6, pitch: 0.4 };
const MOST_IN_ADDRESS = 4000; // characters of a list of images; longer ones are left out

export class Store {
  private listeners: { keys: (keyof View)[]; call: () => void }[] = [];
  private changed = new Set<keyof View>();

  constructor(
    public view: View,
    readonly manifest: Manifest,
  ) {}

  get model(): Model {
    return this.manifest.models.find((m) => m.name === this.view.model) as Model;
  }

  /** Change some of the view; who listens is told once, soon after. */
  set(patch: Partial<View>): void {
    for (const key of Object.keys(patch) as (keyof View)[])
      if (this.view[key] !== patch[key]) {
        if (this.changed.size === 0) queueMicrotask(() => this.tell());
        this.changed.add(key);
      }
    this.view = { ...this.view, ...patch };
  }

  on(keys: (keyof View)[], call: () => void): void {
    this.listeners.push({ keys, call });
  }

  private tell(): void {
    const changed = this.changed;
    this.changed = new Set();
    for (const { keys, call } of this.listeners) if (keys.some((k) => changed.has(k))) call();
  }
}

/** Images as runs: 3-7,12. */
export function toRuns(ids: number[]): string {
  const sorted = [...ids].sort((a, b) => a - b);
  const runs: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    let j = i;
    while (sorted[j + 1] === sorted[j] + 1) j++;
    runs.push(i === j ? `${sorted[i]}` : `${sorted[i]}-${sorted[j]}`);
    i = j + 1;
  }
  return runs.join(",");
}

export function fromRuns(text: string, count: number): number[] {
  if (!text) return [];
  return text.split(",").flatMap((run) => {
    const [first, last = first] = run.split("-").map(Number);
    if (!(first >= 0 && last >= first && last < count)) return [];
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

const figures = (values: number[]): string => values.map((v) => round(v, 5)).join(",");
const toFigures = (text: string | null): number[] | null => {
  const values = text ? text.split(",").map(Number) : [];
  return values.length && values.every(Number.isFinite) ? values : null;
};

/** The view as the part of an address behind #; `token` goes along. */
export function toHash(view: View, token: string | null): string {
  const words = new URLSearchParams();
  if (token) words.set("token", token);
  const { camera, code, place } = view;
  for (const key of ["tab", "model", "layout", "colour"] as const) words.set(key, view[key]);
  if (JSON.stringify(camera) !== JSON.stringify(FIRST_CAMERA))
    words.set("camera", figures([camera.x, camera.y, camera.zoom, camera.yaw, camera.pitch]));
  if (code) words.set("code", figures(code));
  if (place) words.set("place", figures(place));
  if (view.picked !== null) words.set("picked", String(view.picked));
  if (view.compare.length) words.set("compare", view.compare.join(","));
  for (const key of ["selection", "hidden", "more", "less"] as const) {
    const runs = toRuns(view[key]);
    if (runs && runs.length <= MOST_IN_ADDRESS) words.set(key, runs);
  }
  if (view.bands) words.set("bands", view.bands.join(","));
  if (view.morph.length) words.set("morph", view.morph.join(","));
  return `#${words.toString().replaceAll("%2C", ",")}`;
}

/** The view that an address asks for; what it leaves out, or gets wrong, is the usual. */
export function fromHash(hash: string, manifest: Manifest): View {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const { models, images, colours } = manifest;
  const named = (name: string | null) => models.find((m) => m.name === name);
  const model =
    named(words.get("model")) ?? models.find((m) => m.layouts.length > 0) ?? models[0];
  const layouts = model.layouts;
  const layout = layouts.find((l) => layoutKey(l) === words.get("layout")) ?? layouts[0];
  const colour = colours.find((c) => c.id === words.get("colour")) ?? colours[0];
  const runs = (key: string) => fromRuns(words.get(key) ?? "", images.count);
  const ids = (key: string) =>
    (toFigures(words.get(key)) ?? []).filter((i) => Number.isInteger(i) && i >= 0 && i < images.count);
  const code = toFigures(words.get("code"));
  const place = toFigures(words.get("place"));
  return {
    tab: TABS.find((tab) => tab === words.get("tab")) ?? "look",
    model: model.name,
    layout: layout ? layoutKey(layout) : "",
    colour: colour?.id ?? "",
    camera: toCamera(toFigures(words.get("camera"))),
    mode: "move",
    hidden: fromRuns(words.get("hidden") ?? "", 65535),
    hover: null,
    picked: ids("picked")[0] ?? null,
    selection: runs("selection"),
    place: place?.length === layout?.dimensions ? place : null,
    code: code?.length === (model.code === "index" ? 1 : model.width) ? code : null,
    morph: ids("morph"),
    more: runs("more"),
    less: runs("less"),
    bands: toBands(toFigures(words.get("bands")), images.bands?.names.length ?? 0),
    compare: (words.get("compare") ?? "").split(",").filter(named),
  };
}

function toBands(values: number[] | null, count: number): number[] | null {
  const known = (band: number) => Number.isInteger(band) && band >= 0 && band < count;
  return values?.length === 3 && values.every(known) ? values : null;
}

function toCamera(values: number[] | null): Camera {
  if (values?.length !== 5 || values[2] <= 0) return FIRST_CAMERA;
  const [x, y, zoom, yaw, pitch] = values;
  return { x, y, zoom, yaw, pitch };
}

/** Keep the address as the view is, and the view as a newly given address says. */
export function bindAddress(store: Store, token: string | null, restored: () => void): void {
  let timer = 0;
  let written = location.hash;
  const write = () => {
    written = toHash(store.view, token);
    history.replaceState(null, "", written);
  };
  const keys = Object.keys(store.view) as (keyof View)[];
  store.on(
    keys.filter((key) => key !== "hover" && key !== "mode"),
    () => {
      clearTimeout(timer);
      timer = window.setTimeout(write, 200);
    },
  );
  addEventListener("hashchange", () => {
    if (location.hash === written) return;
    store.set(fromHash(location.hash, store.manifest));
    restored();
  });
}
