// The thread that writes blocks and merges files: one answer for each request, in any order.
//
//   { number, kind: "build" | "merge" | "archive", … } ─▶ InlineBuilder ─▶ { number, result | failure }
//
// A merge waits for the disk again and again; blocks that come meanwhile are written in between.
// Not here: who asks (worker-builder.ts).

import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../base/assert.ts";
import { diskFiles } from "../disk/files.ts";
import { InlineBuilder } from "./builder.ts";
import type {
  BuilderAnswer,
  BuilderRequest,
  BuilderResult,
  BuilderStart,
} from "./worker-builder.ts";

assert(parentPort !== null, "this file is run as a worker");
const port = parentPort;
// What WorkerBuilder gives to a worker.
const { directory } = workerData as BuilderStart;

const builder = new InlineBuilder({
  files: diskFiles,
  directory,
  hashSeed: () => crypto.getRandomValues(new Uint32Array(1))[0]!,
});

function run(request: BuilderRequest): Promise<BuilderResult> {
  if (request.kind === "merge") return builder.merge(request.sources);
  if (request.kind === "archive") return builder.archive(request.name, request.images);
  return builder.build(request.image, request.id, request.arrivedMs, request.log);
}

async function answer(request: BuilderRequest): Promise<BuilderAnswer> {
  const { number } = request;
  try {
    return { number, result: await run(request) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    return { number, failure: { code, message: String(error) } };
  }
}

port.on("message", (request: BuilderRequest) => {
  void answer(request).then((message) => port.postMessage(message, []));
});
