/** An ONNX network run in a worker, so that the map keeps moving while it computes. */
import { fetchFile } from "./arrays";

export type Network = (input: Float32Array, shape: number[]) => Promise<Float32Array>;

export interface Order {
  id: number;
  open?: ArrayBuffer;
  net?: number;
  input?: Float32Array;
  shape?: number[];
}

export interface Reply {
  id: number;
  net?: number;
  output?: Float32Array;
  error?: string;
}

let worker: Worker | null = null;
let last = 0;
const waiting = new Map<number, { done: (reply: Reply) => void; fail: (error: Error) => void }>();

function started(): Worker {
  if (worker) return worker;
  worker = new Worker(new URL("./network.worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<Reply>) => {
    const who = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error !== undefined) who?.fail(new Error(data.error));
    else who?.done(data);
  };
  worker.onerror = () => {
    for (const who of waiting.values()) who.fail(new Error("The decoder in this page stopped."));
    waiting.clear();
    worker = null;
  };
  return worker;
}

function order(what: Omit<Order, "id">, given: Transferable[]): Promise<Reply> {
  const id = ++last;
  return new Promise((done, fail) => {
    waiting.set(id, { done, fail });
    started().postMessage({ id, ...what } satisfies Order, given);
  });
}

/** Fetch a network; what comes back runs it. */
export async function openNetwork(url: string): Promise<Network> {
  const bytes = await (await fetchFile(url)).arrayBuffer();
  let net: number | undefined;
  try {
    net = (await order({ open: bytes }, [bytes])).net;
  } catch (error) {
    throw new Error(`${url} cannot be run in this page: ${(error as Error).message}`);
  }
  return async (input, shape) => {
    const copy = Float32Array.from(input);
    const what = { net: net as number, input: copy, shape };
    return (await order(what, [copy.buffer])).output as Float32Array;
  };
}
