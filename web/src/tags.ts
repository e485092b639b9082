/** Words that a person gave to images, kept by the server, or else by the browser. */
import type { Shelf, Tags } from "./contract";
import type { Manifest } from "./manifest";

const key = (manifest: Manifest): string =>
  `isthmus tags ${manifest.title} ${manifest.images.count}`;

let known: Tags = {};
let shelf: Shelf | null = null;

/** Find the tags of the images; the page is there without them. */
export async function openTags(manifest: Manifest, kept: Shelf | null): Promise<void> {
  shelf = kept;
  try {
    known = shelf
      ? await shelf.read()
      : (JSON.parse(localStorage.getItem(key(manifest)) ?? "{}") as Tags);
  } catch {
    known = {}; // storage switched off, or not ours
  }
}

export const readTags = (): Tags => known;

async function write(manifest: Manifest, tags: Tags): Promise<void> {
  if (shelf) await shelf.write(tags);
  else
    try {
      localStorage.setItem(key(manifest), JSON.stringify(tags));
    } catch {
      throw new Error(
        "This browser keeps nothing for pages, so tags cannot be kept: export instead.",
      );
    }
  known = tags;
}

export async function addTag(manifest: Manifest, word: string, ids: number[]): Promise<void> {
  const all = [...new Set([...(known[word] ?? []), ...ids])].sort((a, b) => a - b);
  await write(manifest, { ...known, [word]: all });
}

export async function removeTag(manifest: Manifest, word: string): Promise<void> {
  const { [word]: _, ...rest } = known;
  await write(manifest, rest);
}

export function tagsOf(id: number): string[] {
  return Object.entries(known)
    .filter(([, ids]) => ids.includes(id))
    .map(([word]) => word);
}
