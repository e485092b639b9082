/** Thumbnails: pages of tiles, fetched when first needed and the oldest let go. */
import { fromImageData, joined, type Pictures } from "./arrays";
import type { Source } from "./contract";

const MOST_PAGES = 24; // decoded pages that are kept; one of 2048 x 2048 takes 16 MB
const MOST_FETCHES = 4;

export interface Tile {
  page: ImageBitmap;
  x: number;
  y: number;
  w: number;
  h: number;
}

export class Atlas {
  private pages = new Map<number, ImageBitmap>();
  private coming = new Map<number, Promise<ImageBitmap>>();
  private failed = new Set<number>();
  private round = 0; // of bands: pages of an earlier one are not kept

  constructor(
    private source: Source,
    private trouble: (error: Error) => void,
  ) {}

  private where(id: number): { page: number; x: number; y: number } {
    const { columns, tile } = this.source.manifest.images.atlas;
    const at = id % (columns * columns);
    const page = Math.floor(id / (columns * columns));
    return { page, x: (at % columns) * tile[1], y: Math.floor(at / columns) * tile[0] };
  }

  private cut(page: ImageBitmap, id: number): Tile {
    const [h, w] = this.source.manifest.images.atlas.tile;
    const { x, y } = this.where(id);
    return { page, x, y, w, h };
  }

  private keep(number: number, page: ImageBitmap): void {
    this.pages.delete(number);
    this.pages.set(number, page);
    for (const [oldest, bitmap] of this.pages) {
      if (this.pages.size <= MOST_PAGES) break;
      this.pages.delete(oldest);
      bitmap.close();
    }
  }

  private fetch(number: number): Promise<ImageBitmap> {
    const kept = this.pages.get(number);
    if (kept) {
      this.keep(number, kept);
      return Promise.resolve(kept);
    }
    let coming = this.coming.get(number);
    if (!coming) {
      const { round } = this;
      const isNow = (): boolean => round === this.round;
      coming = this.source.atlasPage(number);
      this.coming.set(number, coming);
      coming
        .then((page) => isNow() && this.keep(number, page))
        .catch(() => isNow() && this.failed.add(number))
        .finally(() => isNow() && this.coming.delete(number));
    }
    return coming;
  }

  /** Pages are fetched anew, since they show other bands. */
  forget(): void {
    for (const known of [this.pages, this.coming, this.failed]) known.clear();
    this.round++;
  }

  /** The tile if its page is here; if not, it is fetched and `ready` is called. */
  at(id: number, ready: () => void): Tile | null {
    const { page } = this.where(id);
    const kept = this.pages.get(page);
    if (kept) return this.cut(kept, id);
    if (!this.failed.has(page) && !this.coming.has(page) && this.coming.size < MOST_FETCHES)
      this.fetch(page).then(ready).catch(this.trouble);
    return null;
  }

  async tile(id: number): Promise<Tile> {
    return this.cut(await this.fetch(this.where(id).page), id);
  }

  /** Images by number: whole ones from the server, thumbnails where there is none. */
  async images(ids: number[]): Promise<Pictures> {
    return this.source.images ? this.source.images(ids) : this.thumbnails(ids);
  }

  async thumbnails(ids: number[]): Promise<Pictures> {
    const canvas = document.createElement("canvas");
    const pen = canvas.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
    const channels = this.source.manifest.images.shape[2] === 1 ? 1 : 3;
    const found: Pictures[] = [];
    for (const id of ids) {
      const { page, x, y, w, h } = await this.tile(id);
      canvas.width = w;
      canvas.height = h;
      pen.drawImage(page, x, y, w, h, 0, 0, w, h);
      found.push(fromImageData(pen.getImageData(0, 0, w, h), channels));
    }
    return joined(found);
  }
}
