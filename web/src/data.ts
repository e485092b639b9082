/** What the views share: arrays of models, codes of images and of places. */
import { type Codes, joinedAll, nearestRows, type Pictures, row } from "./arrays";
import { Atlas } from "./atlas";
import type { Colour, Layout, Model } from "./manifest";
import type { Source } from "./contract";

const MOST_BYTES = 8 * 2 ** 20; // of the pictures of units that are asked for at once
const NEIGHBOURS = 8; // whose codes a place without an inverse is given

export interface Painting {
  colour: Colour;
  values: ArrayLike<number>;
}

export class Data {
  readonly atlas: Atlas;
  private bands: number[] | null = null;

  constructor(
    readonly source: Source,
    trouble: (error: Error) => void,
  ) {
    this.atlas = new Atlas(source, trouble);
  }

  get manifest() {
    return this.source.manifest;
  }

  model(name: string): Model {
    return this.manifest.models.find((m) => m.name === name) as Model;
  }

  width(model: Model): number {
    return model.code === "index" ? 1 : model.width;
  }

  async places(layout: Layout): Promise<Float32Array> {
    const count = this.manifest.images.count * layout.dimensions;
    return (await this.source.file(layout.file, count)) as Float32Array;
  }

  async painting(colour: Colour): Promise<Painting> {
    return { colour, values: await this.source.file(colour.file, this.manifest.images.count) };
  }

  async codes(model: Model): Promise<Codes> {
    if (!model.codes) throw new Error(`${model.name} keeps no codes of its images.`);
    const count = this.manifest.images.count * this.width(model);
    return (await this.source.file(model.codes, count)) as Codes;
  }

  async codeOf(model: Model, id: number): Promise<Codes> {
    return row(await this.codes(model), id, this.width(model));
  }

  toCodes(model: Model, code: ArrayLike<number>): Codes {
    return model.code === "index" ? Int32Array.from(code) : Float32Array.from(code);
  }

  decode(model: Model, code: ArrayLike<number>): Promise<Pictures> {
    return this.source.decode(model, this.toCodes(model, code));
  }

  /** Whether an image can be decoded from the code that it has. */
  rebuilds(model: Model): boolean {
    if (model.code === "cells") return !this.source.cannot(model, "cell");
    return model.codes !== null && !this.source.cannot(model, "decode");
  }

  async reconstruction(model: Model, id: number): Promise<Pictures> {
    if (model.code === "cells") return this.source.denoise(model, [id]);
    return this.source.decode(model, (await this.codeOf(model, id)).slice());
  }

  /** Images nearest to a code; of an index, those that share it. */
  async nearest(model: Model, code: Codes, k: number): Promise<number[]> {
    if (model.code === "vector") return this.source.nearest(model, code, k);
    const codes = await this.codes(model);
    return nearestRows(codes, 1, code, k, (i) => codes[i] !== code[0]).ids;
  }

  /** The code of a place: by the layout's inverse, or the mean of its nearest images' codes. */
  async codeAt(model: Model, layout: Layout, place: number[]): Promise<number[]> {
    if (layout.inverse && model.code === "vector") {
      const { mean, axes } = layout.inverse;
      return mean.map((m, j) => m + place.reduce((sum, p, i) => sum + p * axes[i][j], 0));
    }
    const places = await this.places(layout);
    const k = model.code === "index" ? 1 : NEIGHBOURS;
    const { ids, distances } = nearestRows(places, layout.dimensions, place, k);
    const codes = await this.codes(model);
    return weighted(ids.map((id) => row(codes, id, this.width(model))), distances);
  }

  /** How many units or centroids an index may name. */
  async units(model: Model): Promise<number> {
    const [h, w, c] = this.manifest.images.shape;
    return (await this.prototypes(model)).length / (h * w * c);
  }

  async prototypes(model: Model): Promise<Uint8Array> {
    if (this.bands) return this.unitsByBands(model);
    return (await this.source.file(`prototypes/${model.name}.u8`)) as Uint8Array;
  }

  /** Pictures of all units by the bands that were chosen, a few a request. */
  private async unitsByBands(model: Model): Promise<Uint8Array> {
    const found: Pictures[] = [];
    const [h, w, c] = this.manifest.images.shape;
    const each = Math.max(1, Math.floor(MOST_BYTES / (h * w * c)));
    for (let first = 0; first < model.width; first += each) {
      const length = Math.min(each, model.width - first);
      found.push(await this.decode(model, Array.from({ length }, (_, i) => first + i)));
    }
    return joinedAll(found);
  }

  /** Show other bands of rasters from now on. */
  useBands(bands: number[] | null): void {
    this.bands = bands;
    this.source.useBands?.(bands);
    this.atlas.forget();
  }

  async mean(model: Model, ids: number[]): Promise<number[]> {
    const codes = await this.codes(model);
    const rows = ids.map((id) => row(codes, id, model.width));
    return weighted(rows, ids.map(() => 1));
  }

  /** The categories images fall into whatever the model, such as labels. */
  labels(): Colour | undefined {
    return this.manifest.colours.find((c) => c.kind === "category" && c.model === null);
  }

  async labelOf(id: number): Promise<string | null> {
    const colour = this.labels();
    if (!colour) return null;
    return colour.categories?.[(await this.painting(colour)).values[id]] ?? null;
  }

  name(id: number): string {
    return this.manifest.names?.[id] ?? `image ${id}`;
  }
}

/** The mean of rows, each weighted by the inverse of its distance. */
function weighted(rows: ArrayLike<number>[], distances: number[]): number[] {
  const weights = distances.map((d) => 1 / Math.max(d, 1e-9));
  const total = weights.reduce((a, b) => a + b, 0);
  return Array.from(rows[0], (_, j) =>
    rows.reduce((sum, one, i) => sum + (one[j] * weights[i]) / total, 0),
  );
}
