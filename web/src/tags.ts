/** Words that a person gave to images, kept by the browser. */
import type { Manifest } from "./manifest";

const key = (manifest: Manifest): string =>
  `isthmus tags ${manifest.title} ${manifest.images.count}`;

export function readTags(manifest: Manifest): Record<string, number[]> {
  try {
    return JSON.parse(localStorage.getItem(key(manifest)) ?? "{}") as Record<string, number[]>;
  } catch {
    return {}; // storage switched off, or not ours
  }
}

function write(manifest: Manifest, tags: Record<string, number[]>): void {
  try {
    localStorage.setItem(key(manifest), JSON.stringify(tags));
  } catch {
    throw new Error("This browser keeps nothing for pages, so tags cannot be kept: export instead.");
  }
}

export function addTag(manifest: Manifest, word: string, ids: number[]): void {
  const tags = readTags(manifest);
  tags[word] = [...new Set([...(tags[word] ?? []), ...ids])].sort((a, b) => a - b);
  write(manifest, tags);
}

export function removeTag(manifest: Manifest, word: string): void {
  const { [word]: _, ...rest } = readTags(manifest);
  write(manifest, rest);
}

export function tagsOf(manifest: Manifest, id: number): string[] {
  const tags = Object.entries(readTags(manifest));
  return tags.filter(([, ids]) => ids.includes(id)).map(([word]) => word);
}
