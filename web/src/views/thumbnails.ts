/** Rows of images that can be chosen. */
import type { App } from "../app";
import { picture } from "../arrays";
import { el } from "../dom";
import { painted } from "../picture";

/** Buttons with the images on them; by default one chooses its image. */
export async function thumbnails(
  { data, act, store }: App,
  ids: number[],
  onpick: (id: number, place: number) => void = (id) => act.pick(id),
): Promise<HTMLElement> {
  const row = el("div", { className: "thumbnails" });
  if (!ids.length) return row;
  const images = await data.atlas.thumbnails(ids);
  ids.forEach((id, i) =>
    row.append(
      el(
        "button",
        {
          type: "button",
          "aria-label": data.name(id),
          title: data.name(id),
          onclick: () => onpick(id, i),
          onmouseenter: () => store.set({ hover: id }),
          onmouseleave: () => store.set({ hover: null }),
        },
        painted(data.name(id), picture(images, i), { "aria-hidden": "true" }),
      ),
    ),
  );
  return row;
}
