/**
 * What lies where on the screen. Every place is looked at: half a million take about a
 * millisecond, so an index would cost more lines than it saves time.
 */

/** The image nearest to (x, y) within `reach` pixels, or null. */
export function pick(
  screen: Float32Array,
  shown: Uint8Array,
  x: number,
  y: number,
  reach: number,
): number | null {
  let best: number | null = null;
  let least = reach * reach;
  for (let i = 0; i < shown.length; i++) {
    if (!shown[i]) continue;
    const d = (screen[2 * i] - x) ** 2 + (screen[2 * i + 1] - y) ** 2;
    if (d < least) [best, least] = [i, d];
  }
  return best;
}

export type Loop = [number, number][];

function inside(x: number, y: number, loop: Loop): boolean {
  let odd = false;
  for (let i = 0, j = loop.length - 1; i < loop.length; j = i++) {
    const [xi, yi] = loop[i];
    const [xj, yj] = loop[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}

/** The images within a closed line. */
export function lassoed(screen: Float32Array, shown: Uint8Array, loop: Loop): number[] {
  const xs = loop.map((p) => p[0]);
  const ys = loop.map((p) => p[1]);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const found: number[] = [];
  for (let i = 0; i < shown.length; i++) {
    const [x, y] = [screen[2 * i], screen[2 * i + 1]];
    const near = x >= left && x <= right && y >= top && y <= bottom;
    if (shown[i] && near && inside(x, y, loop)) found.push(i);
  }
  return found;
}

/** Images within the screen, at most `most`; null if there are more. */
export function onScreen(
  screen: Float32Array,
  shown: Uint8Array,
  [width, height]: [number, number],
  most: number,
): number[] | null {
  const found: number[] = [];
  for (let i = 0; i < shown.length; i++) {
    const [x, y] = [screen[2 * i], screen[2 * i + 1]];
    if (!shown[i] || x < 0 || y < 0 || x > width || y > height) continue;
    if (found.length === most) return null;
    found.push(i);
  }
  return found;
}
