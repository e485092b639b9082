/** The image below the pointer and its reconstruction, beside its point. */
import type { App } from "../app";
import { el } from "../dom";
import { latest } from "../latest";
import { captioned, frame, paint } from "../picture";
import type { Pictures } from "../arrays";
import type { Model } from "../manifest";

export class Tip {
  readonly element: HTMLElement;
  private image = frame("The image");
  private back = frame("Its reconstruction");
  private words = el("p");
  private asked: (id: number) => void;

  constructor(
    private app: App,
    private model: () => Model,
  ) {
    const pair = [captioned(this.image, "image"), captioned(this.back, "reconstruction")];
    this.element = el("div", { className: "tip", hidden: true }, el("div", {}, ...pair), this.words);
    this.asked = latest(
      (id: number) => this.look(id),
      (found) => this.fill(...found),
      app.fail,
    );
  }

  private async look(id: number): Promise<[Pictures, Pictures | null, string]> {
    const { data } = this.app;
    const model = this.model();
    const [image, back, label] = await Promise.all([
      data.atlas.images([id]),
      data.rebuilds(model) ? data.reconstruction(model, id) : null,
      data.labelOf(id),
    ]);
    return [image, back, `${data.name(id)}${label === null ? "" : ` · ${label}`}`];
  }

  private fill(image: Pictures, back: Pictures | null, words: string): void {
    paint(this.image, image);
    paint(this.back, back);
    (this.back.parentElement as HTMLElement).hidden = back === null;
    this.words.textContent = words;
  }

  show(id: number, [x, y]: [number, number], width: number): void {
    this.element.hidden = false;
    this.element.classList.toggle("left", x > width - 220);
    this.element.classList.toggle("below", y < this.element.offsetHeight + 20);
    this.element.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
    this.asked(id);
  }

  hide(): void {
    this.element.hidden = true;
  }
}
