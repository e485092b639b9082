/** Chooses who answers: the server that the page came from, or the page itself. */
import { fetchFile, numbers, toImageData } from "./arrays";
import type { Source } from "./contract";
import { folderVerbs } from "./folder";
import { liveVerbs } from "./live";
import { parseManifest } from "./manifest";
import { once } from "./once";

const UNTOUCHED = { premultiplyAlpha: "none", colorSpaceConversion: "none" } as const;

async function fetchPage(page: number): Promise<ImageBitmap> {
  const name = `data/atlas/${page}.png`;
  const blob = await (await fetchFile(name)).blob();
  try {
    return await createImageBitmap(blob, UNTOUCHED);
  } catch {
    throw new Error(`${name} is not a readable PNG: export the explorer again.`);
  }
}

/** Read the manifest and find out who will answer. */
export async function openSource(token: string | null): Promise<Source> {
  const manifest = parseManifest(await (await fetchFile("data/manifest.json")).text());
  const buffers = once(async (name) => (await fetchFile(`data/${name}`)).arrayBuffer());
  const files = {
    manifest,
    file: async (name: string, count?: number) => numbers(await buffers(name), name, count),
    atlasPage: fetchPage,
  };
  const verbs = manifest.live ? liveVerbs(files, token) : folderVerbs(files);
  async function atlasPage(page: number): Promise<ImageBitmap> {
    const sheet = await verbs.sheet(page);
    return sheet ? createImageBitmap(toImageData(sheet), UNTOUCHED) : fetchPage(page);
  }
  return { ...files, ...verbs, atlasPage };
}
