/** Mouse, pen, fingers and wheel, in the words of the map. */
import type { Loop } from "./pick";

export interface Gestures {
  /** What a drag that begins at (x, y) does. */
  begins(x: number, y: number, event: PointerEvent): "pan" | "orbit" | "lasso" | "probe";
  pan(dx: number, dy: number): void;
  orbit(dx: number, dy: number): void;
  zoom(x: number, y: number, factor: number): void;
  lasso(loop: Loop, finished: boolean): void;
  probe(x: number, y: number): void;
  hover(x: number, y: number): void;
  leave(): void;
  tap(x: number, y: number, event: PointerEvent): void;
}

const STILL = 5; // pixels a tap may slip

export function bindGestures(area: HTMLElement, on: Gestures): void {
  const fingers = new Map<number, [number, number]>();
  let doing: ReturnType<Gestures["begins"]> | null = null;
  let start: [number, number] = [0, 0];
  let moved = false;
  let loop: Loop = [];
  let box = area.getBoundingClientRect();

  const where = (event: MouseEvent): [number, number] => [
    event.clientX - box.left,
    event.clientY - box.top,
  ];

  function pinch(id: number, now: [number, number]): void {
    const before = [...fingers.values()];
    fingers.set(id, now);
    const after = [...fingers.values()];
    const apart = ([a, b]: [number, number][]) => Math.hypot(a[0] - b[0], a[1] - b[1]);
    const middle = ([a, b]: [number, number][]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const [[x0, y0], [x1, y1]] = [middle(before), middle(after)];
    on.pan(x1 - x0, y1 - y0);
    on.zoom(x1, y1, apart(after) / Math.max(apart(before), 1));
  }

  function drag([x, y]: [number, number], [px, py]: [number, number]): void {
    if (!moved && Math.hypot(x - start[0], y - start[1]) < STILL) return;
    moved = true;
    if (doing === "pan") on.pan(x - px, y - py);
    else if (doing === "orbit") on.orbit(x - px, y - py);
    else if (doing === "probe") on.probe(x, y);
    else if (doing === "lasso") {
      loop.push([x, y]);
      on.lasso(loop, false);
    }
  }

  area.addEventListener("pointerdown", (event) => {
    box = area.getBoundingClientRect();
    area.setPointerCapture(event.pointerId);
    const at = where(event);
    fingers.set(event.pointerId, at);
    if (fingers.size > 1) {
      doing = null;
      moved = true;
      return;
    }
    [start, moved, doing, loop] = [at, false, on.begins(...at, event), [at]];
    if (doing === "probe") on.probe(...at);
  });

  area.addEventListener("pointermove", (event) => {
    if (!fingers.size) box = area.getBoundingClientRect();
    const at = where(event);
    const before = fingers.get(event.pointerId);
    if (!before) return on.hover(...at);
    if (fingers.size === 2) return pinch(event.pointerId, at);
    drag(at, before);
    if (moved) fingers.set(event.pointerId, at);
  });

  function up(event: PointerEvent): void {
    if (!fingers.delete(event.pointerId) || fingers.size) return;
    const at = where(event);
    if (doing === "lasso" && moved) on.lasso(loop, true);
    else if (!moved && doing !== "probe" && event.type === "pointerup") on.tap(...at, event);
    doing = null;
  }
  area.addEventListener("pointerup", up);
  area.addEventListener("pointercancel", up);
  // a finger that is lifted leaves too, but what it tapped stays hovered
  area.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "touch") on.leave();
  });
  area.addEventListener("contextmenu", (event) => event.preventDefault());
  area.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      box = area.getBoundingClientRect();
      const lines = event.deltaMode === 1 ? 16 : 1;
      on.zoom(...where(event), Math.exp(-event.deltaY * lines * 0.002));
    },
    { passive: false },
  );
}
