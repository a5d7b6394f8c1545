// The thread that writes blocks and merges files: one answer for each request, in any order.
//
//   { number, directory, kind: "build" | "merge" | "archive", … } ─▶ InlineBuilder ─▶ { number, result | failure }
//
// A merge waits for the disk again and again; blocks that come meanwhile are written in between.
// Not here: who asks (worker-builder.ts).

import { parentPort } from "node:worker_threads";
import { assert } from "../../base/assert.ts";
import { diskFiles } from "../disk/files.ts";
import { InlineBuilder } from "./builder.ts";
import type { BuilderAnswer, BuilderRequest, BuilderResult } from "./worker-builder.ts";

assert(parentPort !== null, "this file is run as a worker");
const port = parentPort;
/** By data directory: as many as share this thread. */
const builders = new Map<string, InlineBuilder>();

function builderOf(directory: string): InlineBuilder {
  let builder = builders.get(directory);
  if (builder === undefined) {
    const hashSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0]!;
    builder = new InlineBuilder({ files: diskFiles, directory, hashSeed });
    builders.set(directory, builder);
  }
  return builder;
}

function run(request: BuilderRequest): Promise<BuilderResult> {
  const builder = builderOf(request.directory);
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
