/** Draws the map: all points at rest, as many as keep it smooth while it moves. */
import { aspectOf } from "../arrays";
import type { Atlas } from "../atlas";
import { normals } from "../random";
import type { Lens, Screen } from "./camera";
import { type Attribute, attribute, fill, openGl, type Program } from "./gl";
import { Thumbs } from "./thumbs";

const SLOW = 32; // milliseconds a frame, above which fewer points are drawn while moving
const AIMED = 24;
const FAST = 20;
const FIRST = 40_000;
const LEAST = 15_000;

export interface Scene {
  lens: Lens;
  screen: Screen;
  ratio: number;
  moving: boolean;
  thumbs: number[];
  thumbSize: number;
}

export class Renderer {
  private gl: WebGL2RenderingContext;
  private points: Program;
  private tiles: Program;
  private thumbs: Thumbs;
  private wide: number; // of an image, by a square of its area
  private place: Attribute;
  private colour: Attribute;
  private tile: Record<"corner" | "place" | "slot" | "colour", Attribute>;
  private order: Uint32Array = new Uint32Array(0);
  private places: Float32Array = new Float32Array(0);
  private colours: Uint8Array = new Uint8Array(0);
  private dimensions = 2;
  private budget = FIRST;
  private last = 0;

  constructor(
    private canvas: HTMLCanvasElement,
    atlas: Atlas,
    tile: [number, number],
    again: () => void,
  ) {
    const { gl, points, tiles } = openGl(canvas);
    this.gl = gl;
    this.points = points;
    this.tiles = tiles;
    this.thumbs = new Thumbs(gl, atlas, tile, again);
    this.wide = Math.sqrt(aspectOf(tile));
    this.place = attribute(gl, 3, gl.FLOAT);
    this.colour = attribute(gl, 4, gl.UNSIGNED_BYTE);
    this.tile = {
      corner: attribute(gl, 2, gl.FLOAT),
      place: attribute(gl, 3, gl.FLOAT, 1),
      slot: attribute(gl, 1, gl.FLOAT, 1),
      colour: attribute(gl, 4, gl.UNSIGNED_BYTE, 1),
    };
    fill(gl, this.tile.corner, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]));
  }

  get capacity(): number {
    return this.thumbs.capacity;
  }

  /** Images show other bands. */
  forget(): void {
    this.thumbs.forget();
  }

  /** Points are stored shuffled, so that the first many of them are a fair share of all. */
  setPlaces(places: Float32Array, dimensions: number): void {
    const n = places.length / dimensions;
    if (this.order.length !== n) this.order = shuffled(n);
    const flat = new Float32Array(3 * n);
    this.order.forEach((id, i) => {
      for (let k = 0; k < dimensions; k++) flat[3 * i + k] = places[id * dimensions + k];
    });
    this.places = places;
    this.dimensions = dimensions;
    fill(this.gl, this.place, flat);
  }

  setColours(rgba: Uint8Array): void {
    const mixed = new Uint32Array(this.order.length);
    const whole = new Uint32Array(rgba.buffer);
    this.order.forEach((id, i) => {
      mixed[i] = whole[id];
    });
    this.colours = rgba;
    fill(this.gl, this.colour, new Uint8Array(mixed.buffer));
  }

  draw(scene: Scene): void {
    const { gl, canvas } = this;
    const [width, height] = [scene.screen.width, scene.screen.height].map((x) =>
      Math.max(1, Math.round(x * scene.ratio)),
    );
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!this.order.length) return;
    this.drawPoints(scene);
    if (scene.thumbs.length) this.drawThumbs(scene);
  }

  private drawPoints({ lens, ratio, moving }: Scene): void {
    const count = Math.min(this.order.length, moving ? this.paced() : Infinity);
    if (!moving) this.last = 0;
    const uniforms = { view: lens.matrix, size: this.pointSize(lens) * ratio };
    this.points.use(uniforms, { place: this.place, colour: this.colour });
    this.gl.drawArrays(this.gl.POINTS, 0, count);
  }

  /** Crowded maps get small points, zoomed ones larger. */
  private pointSize({ scale }: Lens): number {
    const room = (2 * scale) / Math.sqrt(this.order.length);
    return Math.min(Math.max(room * 0.5, 2), 9);
  }

  /** As many points as the last frame says there is time for: it took as long as its points. */
  private paced(): number {
    const now = performance.now();
    const took = this.last ? now - this.last : AIMED;
    this.last = now;
    if (took > SLOW) this.budget = Math.max(LEAST, this.budget * Math.max(0.5, AIMED / took));
    else if (took < FAST) this.budget = Math.min(this.budget * 1.15, this.order.length + FIRST);
    return Math.floor(this.budget);
  }

  private drawThumbs({ lens, screen, thumbs, thumbSize }: Scene): void {
    const { gl, tile } = this;
    const ready = this.thumbs.ready(thumbs);
    const place = new Float32Array(3 * ready.length);
    const colour = new Uint8Array(4 * ready.length);
    ready.forEach(([id], i) => {
      for (let k = 0; k < this.dimensions; k++)
        place[3 * i + k] = this.places[id * this.dimensions + k];
      colour.set(this.colours.subarray(4 * id, 4 * id + 4), 4 * i);
    });
    fill(gl, tile.place, place);
    fill(gl, tile.slot, Float32Array.from(ready, ([, slot]) => slot));
    fill(gl, tile.colour, colour);
    const [across, down] = [thumbSize * this.wide, thumbSize / this.wide];
    const half = new Float32Array([across / screen.width, down / screen.height]);
    const uniforms = { view: lens.matrix, half_size: half, across: this.thumbs.across };
    this.tiles.use({ ...uniforms, border: Math.min(3 / thumbSize, 0.12) }, tile);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, ready.length);
  }
}

function shuffled(n: number): Uint32Array {
  const { uniform } = normals(n);
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
