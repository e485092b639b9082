/** The worker that runs ONNX networks; it never answers out of turn. */
import * as ort from "onnxruntime-web/wasm";
import wasm from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import type { Order, Reply } from "./network";

ort.env.wasm.wasmPaths = { wasm: new URL(wasm, import.meta.url).href };
ort.env.wasm.numThreads = 1; // threads need headers that a plain file server does not send
ort.env.logLevel = "error";

const sessions: ort.InferenceSession[] = [];

async function open(bytes: ArrayBuffer): Promise<number> {
  sessions.push(await ort.InferenceSession.create(new Uint8Array(bytes)));
  return sessions.length - 1;
}

async function run(net: number, input: Float32Array, shape: number[]): Promise<Float32Array> {
  const session = sessions[net];
  const feeds = { [session.inputNames[0]]: new ort.Tensor("float32", input, shape) };
  const output = (await session.run(feeds))[session.outputNames[0]];
  return Float32Array.from(output.data as Float32Array);
}

let turn = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<Order>) => {
  turn = turn.then(async () => {
    const reply: Reply = { id: data.id };
    try {
      if (data.open) reply.net = await open(data.open);
      else reply.output = await run(data.net ?? 0, data.input as Float32Array, data.shape ?? []);
    } catch (error) {
      reply.error = (error as Error).message ?? String(error);
    }
    postMessage(reply);
  });
};
