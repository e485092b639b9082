/** Selections as files. */
import { zipSync } from "fflate";
import type { App } from "./app";
import { picture } from "./arrays";
import { download, round } from "./dom";
import { toPng } from "./picture";
import { tagsOf } from "./tags";

const MOST_IMAGES = 5000; // in a zip; more would not fit into the page's memory
const AT_ONCE = 256;

/** A cell of a table; what a spreadsheet would carry out as a formula begins with an apostrophe. */
function quoted(value: unknown): string {
  const given = value === null || value === undefined ? "" : String(value);
  const formula = typeof value === "string" && /^[=+\-@\t\r]/.test(given) && Number.isNaN(+given);
  const text = formula ? `'${given}` : given;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A table of what is known of the images: one row an image, its code last. */
export async function toCsv({ store, data, act }: App, ids: number[]): Promise<string> {
  const { manifest } = data;
  const { model } = store;
  const paintings = await Promise.all(manifest.colours.map((c) => data.painting(c)));
  const { layout } = act;
  const places = layout ? await data.places(layout) : null;
  const codes = model.codes ? await data.codes(model) : null;
  const [d, width] = [layout?.dimensions ?? 0, codes ? data.width(model) : 0];
  const header = ["id", "name", "split", "tags", ...manifest.colours.map((c) => c.title)];
  for (let j = 0; j < d; j++) header.push(`${layout?.title} ${"xyz"[j]}`);
  for (let j = 0; j < width; j++) header.push(width === 1 ? "code" : `code ${j}`);
  const rows = ids.map((id) => {
    const split = manifest.splits.find((s) => id >= s.start && id < s.end)?.name;
    const cells: unknown[] = [id, manifest.names?.[id], split, tagsOf(id).join("; ")];
    for (const { colour, values } of paintings)
      cells.push(colour.kind === "category" ? colour.categories?.[values[id]] : values[id]);
    for (let j = 0; j < d; j++) cells.push(round(places?.[id * d + j] ?? 0, 6));
    for (let j = 0; j < width; j++) cells.push(round(codes?.[id * width + j] ?? 0, 7));
    return cells;
  });
  return [header, ...rows].map((cells) => cells.map(quoted).join(",")).join("\r\n") + "\r\n";
}

export async function saveCsv(app: App, ids: number[]): Promise<void> {
  download("selection.csv", await toCsv(app, ids), "text/csv");
  app.say(`Saved ${ids.length} rows`);
}

/** The images as PNGs in a folder, and the table beside them. */
export async function saveFolder(app: App, ids: number[]): Promise<void> {
  if (ids.length > MOST_IMAGES)
    throw new Error(
      `${ids.length} images are too many for one zip: select at most ${MOST_IMAGES}.`,
    );
  const csv = new TextEncoder().encode(await toCsv(app, ids));
  const files: Record<string, Uint8Array> = { "selection/selection.csv": csv };
  for (let i = 0; i < ids.length; i += AT_ONCE) {
    const part = ids.slice(i, i + AT_ONCE);
    const images = await app.data.atlas.images(part);
    for (const [k, id] of part.entries())
      files[`selection/${String(id).padStart(6, "0")}.png`] = await toPng(picture(images, k));
    app.say(`Packed ${Math.min(i + AT_ONCE, ids.length)} of ${ids.length} images`);
  }
  const packed = zipSync(files, { level: 0 }); // PNG is compressed already
  download("selection.zip", packed as Uint8Array<ArrayBuffer>, "application/zip");
}
