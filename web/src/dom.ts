/** A few words for making elements. */

type Given = Record<string, unknown>;
type Child = Node | string | null | undefined | false;

/** An element: `onclick`-like and other properties are assigned, the rest become attributes. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  given: Given = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (name in made && !name.includes("-")) (made as unknown as Given)[name] = value;
    else made.setAttribute(name, String(value));
  }
  made.append(...children.filter((c): c is Node | string => Boolean(c)));
  return made;
}

export function button(label: string, onclick: () => void, given: Given = {}): HTMLButtonElement {
  return el("button", { type: "button", onclick, ...given }, label);
}

let ids = 0;

/** A control below or beside its label. */
export function labelled<T extends HTMLElement>(label: string, control: T, given: Given = {}) {
  control.id ||= `control-${++ids}`;
  return el("div", { className: "field", ...given }, el("label", { htmlFor: control.id }, label), control);
}

export function choice(
  options: [value: string, label: string][],
  value: string,
  onpick: (value: string) => void,
): HTMLSelectElement {
  const box = el("select", {}, ...options.map(([v, label]) => el("option", { value: v }, label)));
  box.value = value;
  box.onchange = () => onpick(box.value);
  return box;
}

export function slider(
  [low, high]: [number, number],
  value: number,
  oninput: (value: number) => void,
  given: Given = {},
): HTMLInputElement {
  const box = el("input", { type: "range", ...given });
  box.min = String(low);
  box.max = String(high);
  box.step = "any";
  box.value = String(value);
  box.oninput = () => oninput(box.valueAsNumber);
  return box;
}

export function notice(text: string, role = "status"): HTMLElement {
  return el("p", { className: "notice", role }, text);
}

/** Hand a file to the person. */
export function download(name: string, data: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([data], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export const round = (x: number, digits = 4): number => Number(x.toPrecision(digits));
