// The thread that answers questions about segment files.
//
//   port ─▶ questions ─▶ InlineFiles ─▶ port       messages ─▶ changes of the set ─▶ "changed"
//
// Several questions are worked on at once, in turns (pause.ts). Not here: who asks (worker-files.ts).

import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../base/assert.ts";
import { systemClock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { diskFiles } from "../disk/files.ts";
import { servePart } from "../serve-part.ts";
import { openInlineFiles } from "./files-part.ts";
import type { FilesChange, FilesNews, FilesStart } from "./worker-files.ts";

assert(parentPort !== null, "this file is run as a worker");
const owner = parentPort;
// What WorkerFiles gives to a worker.
const { directory, cacheBytes, port } = workerData as FilesStart;

function logAs(level: keyof Log): Log["info"] {
  return (message, fields = {}) => {
    owner.postMessage({ level, message, fields, figures: files.figures() } satisfies FilesNews, []);
  };
}

const log: Log = {
  debug: logAs("debug"),
  info: logAs("info"),
  warn: logAs("warn"),
  error: logAs("error"),
};
const files = openInlineFiles({ directory, disk: diskFiles, clock: systemClock, log, cacheBytes });

owner.on("message", ({ number, add, remove }: FilesChange) => {
  void files.change(add, remove).then(() => {
    owner.postMessage({ changed: number } satisfies FilesNews, []);
  });
});
servePart(port, (boundary) => files.below(boundary as number));
