/** Thumbnails that are on the screen, each copied once into a slot of one texture. */
import type { Atlas, Tile } from "../atlas";

const SIDE = 2048; // of the texture in pixels
const LARGEST = 128; // of a slot
const COPIES = 80; // a frame, so that none takes long

export class Thumbs {
  readonly across: number;
  private slots = new Map<number, number>(); // image to slot, the longest unseen first
  private pen: CanvasRenderingContext2D;
  private texture: WebGLTexture;
  private slot: number;

  constructor(
    private gl: WebGL2RenderingContext,
    private atlas: Atlas,
    tile: [number, number],
    private again: () => void,
  ) {
    this.slot = Math.min(Math.max(...tile), LARGEST);
    this.across = Math.floor(SIDE / this.slot);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = this.slot;
    this.pen = canvas.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, this.across * this.slot, this.across * this.slot);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  get capacity(): number {
    return this.across * this.across;
  }

  private copy(tile: Tile, slot: number): void {
    const side = this.slot;
    this.pen.clearRect(0, 0, side, side);
    this.pen.imageSmoothingEnabled = tile.w !== tile.h || side < tile.w;
    const { page, x, y } = tile;
    this.pen.drawImage(page, x, y, tile.w, tile.h, 0, 0, side, side); // drawn at its shape again
    const [left, top] = [(slot % this.across) * side, Math.floor(slot / this.across) * side];
    const { gl, pen } = this;
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, left, top, gl.RGBA, gl.UNSIGNED_BYTE, pen.canvas);
  }

  /** Copy all of them again: they show other bands. */
  forget(): void {
    this.slots.clear();
  }

  private free(): number {
    if (this.slots.size < this.capacity) return this.slots.size;
    const [oldest, slot] = this.slots.entries().next().value as [number, number];
    this.slots.delete(oldest);
    return slot;
  }

  /** Slots of those of the images that are ready; the others come with later frames. */
  ready(ids: number[]): [id: number, slot: number][] {
    let copies = 0;
    const found: [number, number][] = [];
    for (const id of ids) {
      let slot = this.slots.get(id);
      if (slot === undefined) {
        if (copies === COPIES) {
          this.again();
          continue;
        }
        const tile = this.atlas.at(id, this.again);
        if (!tile) continue;
        slot = this.free();
        this.copy(tile, slot);
        copies++;
      }
      this.slots.delete(id);
      this.slots.set(id, slot);
      found.push([id, slot]);
    }
    return found;
  }
}
