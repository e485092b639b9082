/** What is drawn over the points: rings, the point to decode, the lasso. */
import type { Screen } from "./camera";
import type { Loop } from "./pick";

type At = [number, number] | null;

export interface Marks {
  hover: At;
  picked: At;
  probe: At;
  loop: Loop;
}

/** Dark below light, so that it is seen on any ground. */
function stroke(pen: CanvasRenderingContext2D, colour: string, wide: number): void {
  pen.strokeStyle = "rgb(0 0 0 / 60%)";
  pen.lineWidth = wide + 2;
  pen.stroke();
  pen.strokeStyle = colour;
  pen.lineWidth = wide;
  pen.stroke();
}

function ring(pen: CanvasRenderingContext2D, at: At, radius: number, colour: string): void {
  if (!at) return;
  pen.beginPath();
  pen.arc(at[0], at[1], radius, 0, 2 * Math.PI);
  stroke(pen, colour, 2);
}

function cross(pen: CanvasRenderingContext2D, at: At): void {
  if (!at) return;
  const [x, y] = at;
  pen.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    pen.moveTo(x + 4 * dx, y + 4 * dy);
    pen.lineTo(x + 14 * dx, y + 14 * dy);
  }
  stroke(pen, "#ffd23f", 2);
  ring(pen, at, 10, "#ffd23f");
}

export function drawMarks(
  canvas: HTMLCanvasElement,
  { width, height }: Screen,
  ratio: number,
  { hover, picked, probe, loop }: Marks,
): void {
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.scale(ratio, ratio);
  ring(pen, picked, 9, "#ffffff");
  ring(pen, hover, 6, "#ffffff");
  cross(pen, probe);
  if (loop.length < 2) return;
  pen.beginPath();
  for (const [x, y] of loop) pen.lineTo(x, y);
  pen.closePath();
  pen.fillStyle = "rgb(255 210 63 / 15%)";
  pen.fill();
  stroke(pen, "#ffd23f", 1.5);
}
