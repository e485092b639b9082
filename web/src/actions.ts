/** What a person does that changes more than one thing of the view. */
import type { Data } from "./data";
import { latest } from "./latest";
import { linearPlace } from "./linear";
import { type Layout, layoutKey } from "./manifest";
import { type Store, FIRST_CAMERA } from "./state";

const NEIGHBOURS = 8; // whose places a code without a linear layout is put between

export class Actions {
  private toCode: (place: number[]) => void;

  constructor(
    private store: Store,
    private data: Data,
    private fail: (error: Error) => void,
  ) {
    this.toCode = latest(
      (place: number[]) => data.codeAt(store.model, this.layout as Layout, place),
      (code) => store.set({ code }),
      fail,
    );
  }

  get layout(): Layout | undefined {
    return this.store.model.layouts.find((l) => layoutKey(l) === this.store.view.layout);
  }

  /** Move the point over the map: its code is decoded. */
  probe(place: number[]): void {
    this.store.set({ place });
    if (this.store.model.codes) this.toCode(place);
  }

  /** Choose an image: its code becomes the one that is decoded. */
  pick(picked: number | null): void {
    this.store.set({ picked });
    if (picked === null || !this.store.model.codes) return;
    const { model } = this.store;
    this.data
      .codeOf(model, picked)
      .then((code) => {
        if (this.store.model === model && this.store.view.picked === picked)
          this.store.set({ code: Array.from(code), place: null });
      })
      .catch(this.fail);
  }

  /** Decode `code`; on a linear layout the point goes where it lies. */
  setCode(code: number[]): void {
    const inverse = this.layout?.inverse;
    const place = inverse && this.store.model.code === "vector" ? linearPlace(code, inverse) : null;
    this.store.set({ code, place });
  }

  /** Decode `code` and put it on the map, whatever the layout; returns its nearest images. */
  async land(code: number[]): Promise<number[]> {
    const { model } = this.store;
    this.setCode(code);
    const near = await this.data.nearest(model, this.data.toCodes(model, code), NEIGHBOURS);
    const { layout } = this;
    if (this.store.view.place === null && layout && near.length) {
      const places = await this.data.places(layout);
      const d = layout.dimensions;
      const mean = Array.from({ length: d }, (_, j) =>
        near.reduce((sum, id) => sum + places[id * d + j] / near.length, 0),
      );
      this.store.set({ place: mean });
    }
    return near;
  }

  useModel(name: string): void {
    const model = this.data.model(name);
    const keys = model.layouts.map(layoutKey);
    const layout = keys.find((key) => key === this.store.view.layout) ?? keys[0] ?? "";
    this.store.set({ model: name, layout, code: null, place: null, camera: FIRST_CAMERA });
    this.pick(this.store.view.picked);
  }

  useLayout(layout: string): void {
    this.store.set({ layout, place: null, camera: FIRST_CAMERA });
  }

  /** The image after or before the one that is chosen. */
  step(by: number): void {
    const { count } = this.data.manifest.images;
    const now = this.store.view.picked ?? (by > 0 ? -1 : count);
    const id = (now + by + count) % count;
    this.pick(id);
    this.store.set({ hover: id });
  }
}
