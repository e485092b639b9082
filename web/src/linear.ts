/** From codes to places on a linear layout. */
import type { Layout } from "./manifest";

type Inverse = NonNullable<Layout["inverse"]>;

const dot = (a: number[], b: number[]): number => a.reduce((sum, x, i) => sum + x * b[i], 0);

/** Solve a small system by Gauss's elimination, the largest pivot first. */
function solve(matrix: number[][], right: number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i]]);
  const n = right.length;
  for (let i = 0; i < n; i++) {
    let best = i;
    for (let j = i + 1; j < n; j++) if (Math.abs(rows[j][i]) > Math.abs(rows[best][i])) best = j;
    [rows[i], rows[best]] = [rows[best], rows[i]];
    const pivot = rows[i][i] || 1e-12;
    for (let j = 0; j < n; j++) {
      if (j === i) continue;
      const f = rows[j][i] / pivot;
      for (let k = i; k <= n; k++) rows[j][k] -= f * rows[i][k];
    }
  }
  return rows.map((row, i) => row[n] / (row[i] || 1e-12));
}

/** The place whose code, mean + place @ axes, lies nearest to `code`. */
export function linearPlace(code: number[], { mean, axes }: Inverse): number[] {
  const off = code.map((x, i) => x - mean[i]);
  return solve(
    axes.map((a) => axes.map((b) => dot(a, b))),
    axes.map((a) => dot(a, off)),
  );
}
