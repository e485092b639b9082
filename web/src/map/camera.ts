/** Places to pixels and back, in two dimensions and in three. */
import type { Camera } from "../state";

const FILL = 0.46; // of the shorter side, that half the map takes at zoom 1
const DEPTH = 0.25; // how strongly far is smaller

export interface Screen {
  width: number;
  height: number;
}

/** A view: `matrix` takes places to clip space, column by column as WebGL wants it. */
export interface Lens {
  matrix: Float32Array;
  /** Pixels of a unit of the map. */
  scale: number;
  toScreen(place: ArrayLike<number>, at?: number): [number, number];
  toPlace(x: number, y: number): number[];
}

function turned({ yaw, pitch }: Camera): number[] {
  const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  return [cy, 0, sy, sp * sy, cp, -sp * cy, -cp * sy, sp, cp * cy]; // row by row
}

export function lens(camera: Camera, { width, height }: Screen, dimensions: number): Lens {
  const scale = FILL * Math.min(width, height) * camera.zoom;
  const r = dimensions === 3 ? turned(camera) : [1, 0, 0, 0, 1, 0, 0, 0, 0];
  const depth = dimensions === 3 ? DEPTH : 0;
  const [sx, sy] = [(2 * scale) / width, (2 * scale) / height];
  const column = (j: number) => [sx * r[j], sy * r[3 + j], -0.4 * r[6 + j], -depth * r[6 + j]];
  const shift = [-sx * camera.x, -sy * camera.y, 0, 1];
  const matrix = new Float32Array([...column(0), ...column(1), ...column(2), ...shift]);
  return {
    matrix,
    scale,
    toScreen: (place, at = 0) => {
      const [px, py] = [place[at], place[at + 1]];
      const pz = dimensions === 3 ? place[at + 2] : 0;
      const dot = (k: number) => matrix[k] * px + matrix[4 + k] * py + matrix[8 + k] * pz;
      const w = dot(3) + 1;
      const [x, y] = [(dot(0) + shift[0]) / w, (dot(1) + shift[1]) / w];
      return [((x + 1) / 2) * width, ((1 - y) / 2) * height];
    },
    // of three dimensions: on the plane through the middle that faces the eye
    toPlace: (x, y) => {
      const u = (x - width / 2) / scale + camera.x;
      const v = (height / 2 - y) / scale + camera.y;
      return dimensions === 3 ? [0, 1, 2].map((j) => r[j] * u + r[3 + j] * v) : [u, v];
    },
  };
}

/** All places in pixels, (x, y) in a row: the one loop behind picking, lassoing and thumbnails. */
export function projectAll(view: Lens, places: Float32Array, dimensions: number, to: Screen) {
  const m = view.matrix;
  const n = places.length / dimensions;
  const out = new Float32Array(2 * n);
  for (let i = 0, at = 0; i < n; i++, at += dimensions) {
    const px = places[at];
    const py = places[at + 1];
    const pz = dimensions === 3 ? places[at + 2] : 0;
    const w = m[3] * px + m[7] * py + m[11] * pz + m[15];
    out[2 * i] = ((m[0] * px + m[4] * py + m[8] * pz + m[12]) / w + 1) * 0.5 * to.width;
    out[2 * i + 1] = (1 - (m[1] * px + m[5] * py + m[9] * pz + m[13]) / w) * 0.5 * to.height;
  }
  return out;
}

/** The camera zoomed by `factor`, with what lies below (x, y) staying there. */
export function zoomed(camera: Camera, to: Screen, x: number, y: number, factor: number): Camera {
  const zoom = Math.min(Math.max(camera.zoom * factor, 0.3), 2000);
  const before = FILL * Math.min(to.width, to.height) * camera.zoom;
  const after = FILL * Math.min(to.width, to.height) * zoom;
  const gain = 1 / before - 1 / after;
  return {
    ...camera,
    zoom,
    x: camera.x + (x - to.width / 2) * gain,
    y: camera.y + (to.height / 2 - y) * gain,
  };
}

export function panned(camera: Camera, to: Screen, dx: number, dy: number): Camera {
  const scale = FILL * Math.min(to.width, to.height) * camera.zoom;
  return { ...camera, x: camera.x - dx / scale, y: camera.y + dy / scale };
}

export function orbited(camera: Camera, dx: number, dy: number): Camera {
  const pitch = Math.min(Math.max(camera.pitch + dy * 0.008, -1.5), 1.5);
  return { ...camera, yaw: camera.yaw + dx * 0.008, pitch };
}
