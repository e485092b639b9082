/** One map: a model's layout with its colours, tip, lasso and point to decode. */
import type { App } from "../app";
import type { Painting } from "../data";
import { el, notice } from "../dom";
import { type Layout, layoutKey, type Model } from "../manifest";
import { type Camera, FIRST_CAMERA } from "../state";
import { type Lens, lens, orbited, panned, projectAll, zoomed } from "./camera";
import { paintAll, visible } from "./colours";
import { bindGestures } from "./gestures";
import { drawLegend } from "./legend";
import { drawMarks } from "./marks";
import { lassoed, type Loop, onScreen, pick } from "./pick";
import { Renderer } from "./renderer";
import { Tip } from "./tip";

const MOST_THUMBS = 1200;
const REST = 120; // milliseconds without a movement
const REACH = 14; // pixels from a point that still mean it

export class MapPanel {
  readonly element: HTMLElement;
  private canvas = el("canvas", { className: "points" });
  private marks = el("canvas", { className: "marks", "aria-hidden": "true" });
  private legend = el("div", { className: "legend", role: "group", "aria-label": "Colours" });
  private state = el("div", { className: "map-state" });
  private tip: Tip;
  private renderer: Renderer | null = null;
  private layout: Layout | null = null;
  private places: Float32Array = new Float32Array(0);
  private painting: Painting | null = null;
  private shown: Uint8Array = new Uint8Array(0);
  private screen = { width: 1, height: 1 };
  private projected: Float32Array | null = null;
  private thumbs: number[] = [];
  private thumbSize = 0;
  private loop: Loop = [];
  private frame = 0;
  private rest = 0;
  private moving = false;
  private stale = true;
  private own: Camera = FIRST_CAMERA; // of a panel beside others

  /** `fixed` is the model of a panel among others; the main map follows the store. */
  constructor(
    private app: App,
    private fixed: string | null = null,
  ) {
    this.tip = new Tip(app, () => this.model);
    const area = el("div", {
      className: "map",
      tabIndex: 0,
      role: "application",
      "aria-label": `Map of images by ${this.model.name}`,
    });
    area.append(this.canvas, this.marks, this.legend, this.tip.element, this.state);
    this.element = area;
    this.legend.addEventListener("pointerdown", (event) => event.stopPropagation());
    this.open();
    this.bind();
    new ResizeObserver(() => this.resized()).observe(area);
    void this.load();
  }

  get model(): Model {
    return this.fixed ? this.app.data.model(this.fixed) : this.app.store.model;
  }

  get camera(): Camera {
    return this.fixed ? this.own : this.app.store.view.camera;
  }

  set camera(camera: Camera) {
    if (this.fixed) this.own = camera;
    else this.app.store.set({ camera });
    this.move();
  }

  private get dimensions(): number {
    return this.layout?.dimensions ?? 2;
  }

  private lens(): Lens {
    return lens(this.camera, this.screen, this.dimensions);
  }

  private open(): void {
    const { atlas, manifest } = this.app.data;
    try {
      const tile = manifest.images.atlas.tile;
      this.renderer = new Renderer(this.canvas, atlas, tile, () => this.redraw());
    } catch (error) {
      this.state.replaceChildren(notice((error as Error).message, "alert"));
    }
  }

  private bind(): void {
    const { store } = this.app;
    const follow: (keyof typeof store.view)[] = this.fixed ? ["layout"] : ["model", "layout"];
    store.on(follow, () => void this.load());
    store.on(["colour"], () => void this.paint());
    store.on(["hidden", "selection"], () => this.recolour());
    store.on(["bands"], () => {
      this.renderer?.forget();
      this.move();
    });
    store.on(["camera"], () => this.redraw());
    store.on(["place", "picked"], () => this.remark());
    store.on(["hover"], () => this.showTip());
    bindGestures(this.element, {
      begins: (x, y, event) => this.begins(x, y, event),
      pan: (dx, dy) => (this.camera = panned(this.camera, this.screen, dx, dy)),
      orbit: (dx, dy) => (this.camera = orbited(this.camera, dx, dy)),
      zoom: (x, y, by) => (this.camera = zoomed(this.camera, this.screen, x, y, by)),
      lasso: (loop, finished) => this.lasso(loop, finished),
      probe: (x, y) => this.app.act.probe(this.lens().toPlace(x, y)),
      hover: (x, y) => store.set({ hover: this.under(x, y) }),
      leave: () => store.set({ hover: null }),
      tap: (x, y, event) => this.tap(this.under(x, y), event),
    });
  }

  private begins(x: number, y: number, event: PointerEvent) {
    const { mode, place } = this.app.store.view;
    this.app.store.set({ hover: null }); // its tip would cover what is dragged over
    if (mode === "lasso" || event.shiftKey) return "lasso";
    const mark = place && !this.fixed ? this.lens().toScreen(place) : null;
    if (mark && Math.hypot(mark[0] - x, mark[1] - y) < 16) return "probe";
    if (mode === "probe" && !this.fixed) return "probe";
    return this.dimensions === 3 && event.button === 0 && !event.ctrlKey ? "orbit" : "pan";
  }

  private tap(id: number | null, event: PointerEvent): void {
    const { store } = this.app;
    const { selection, morph } = store.view;
    this.app.act.pick(id);
    if (event.pointerType === "touch") store.set({ hover: id });
    if (id === null) return store.set({ selection: [] });
    if (event.ctrlKey || event.metaKey) store.set({ selection: [...new Set([...selection, id])] });
    if (store.view.tab === "morph") store.set({ morph: [...morph, id] });
  }

  private lasso(loop: Loop, finished: boolean): void {
    this.loop = finished ? [] : loop;
    if (finished && loop.length > 2) {
      const selection = lassoed(this.onScreen(), this.shown, loop);
      this.app.store.set({ selection });
      this.app.say(`${selection.length} images selected`);
    }
    this.remark();
  }

  private onScreen(): Float32Array {
    this.projected ??= projectAll(this.lens(), this.places, this.dimensions, this.screen);
    return this.projected;
  }

  private under(x: number, y: number): number | null {
    const reach = Math.max(REACH, this.thumbs.length ? this.thumbSize / 2 : 0);
    return pick(this.onScreen(), this.shown, x, y, reach);
  }

  /** Fetch places and colours of what is to be shown, saying so meanwhile. */
  async load(): Promise<void> {
    const { model } = this;
    const wanted = this.app.store.view.layout;
    const layout = model.layouts.find((l) => layoutKey(l) === wanted) ?? model.layouts[0];
    this.element.setAttribute("aria-label", `Map of images by ${model.name}`);
    if (!layout) return this.empty(`${model.name} has no layout: its codes are not on a map.`);
    if (this.renderer) this.state.replaceChildren(notice("Loading the map …"));
    try {
      const places = await this.app.data.places(layout);
      if (this.model !== model) return; // another one was asked for meanwhile
      [this.layout, this.places] = [layout, places];
      this.renderer?.setPlaces(places, layout.dimensions);
      await this.paint();
      if (this.renderer) this.state.replaceChildren();
    } catch (error) {
      this.state.replaceChildren(notice((error as Error).message, "alert"));
    }
  }

  private empty(why: string): void {
    [this.layout, this.places, this.shown] = [null, new Float32Array(0), new Uint8Array(0)];
    this.renderer?.setPlaces(this.places, 2);
    this.state.replaceChildren(notice(why));
    this.move();
  }

  private async paint(): Promise<void> {
    const { data, store } = this.app;
    const colour = data.manifest.colours.find((c) => c.id === store.view.colour);
    try {
      this.painting = colour ? await data.painting(colour) : null;
    } catch (error) {
      this.painting = null;
      this.app.fail(error as Error);
    }
    this.recolour();
  }

  private recolour(): void {
    const { hidden, selection } = this.app.store.view;
    const count = this.places.length / this.dimensions;
    this.shown = visible(this.painting, hidden, count);
    this.renderer?.setColours(paintAll(this.painting, this.shown, selection));
    if (!this.fixed) drawLegend(this.legend, this.painting, this.app.store);
    this.legend.hidden ||= this.fixed !== null;
    this.move();
  }

  private resized(): void {
    this.screen = { width: this.element.clientWidth, height: this.element.clientHeight };
    this.move();
  }

  /** Points are where they were not: fewer of them are drawn until they rest. */
  private move(): void {
    this.projected = null;
    this.moving = true;
    this.redraw();
  }

  /** Some time after a frame that nothing followed, draw all points, and images among them. */
  private awaitRest(): void {
    clearTimeout(this.rest);
    this.rest = window.setTimeout(() => {
      this.moving = false;
      this.chooseThumbs();
      this.redraw();
    }, REST);
  }

  /** Few images on the screen are shown as such, the larger the fewer they are. */
  private chooseThumbs(): void {
    const { width, height } = this.screen;
    const ids = onScreen(this.onScreen(), this.shown, [width, height], MOST_THUMBS) ?? [];
    const room = Math.sqrt((width * height) / Math.max(ids.length, 1));
    this.thumbSize = Math.min(Math.max(room * 0.55, 14), 72);
    this.thumbs = ids;
  }

  private showTip(): void {
    const { hover } = this.app.store.view;
    this.remark();
    if (hover === null || hover >= this.shown.length) return this.tip.hide();
    const at = this.lens().toScreen(this.places, hover * this.dimensions);
    this.tip.show(hover, at, this.screen.width);
  }

  redraw(): void {
    this.stale = true;
    this.remark();
  }

  /** Draw marks only: what lies below them is as it was. */
  private remark(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    const view = this.lens();
    const { screen, thumbs, thumbSize, moving, places, dimensions, loop } = this;
    const ratio = Math.min(devicePixelRatio, 2);
    if (this.stale) this.renderer?.draw({ lens: view, screen, ratio, moving, thumbs, thumbSize });
    this.stale = false;
    if (moving) this.awaitRest(); // from now on: before it, a slow frame would pass for rest
    const { hover, picked, place } = this.app.store.view;
    const at = (id: number | null) =>
      id === null || id >= this.shown.length ? null : view.toScreen(places, id * dimensions);
    const probe = place?.length === dimensions && !this.fixed ? view.toScreen(place) : null;
    drawMarks(this.marks, screen, ratio, { hover: at(hover), picked: at(picked), probe, loop });
  }
}
