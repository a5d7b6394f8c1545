// The thread that answers questions about files, with a way to end it in the middle of one.
//
// When a question comes and the folder of the files has one named `die-once`, it is removed and the thread
// ends; `die` ends it every time.

import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { workerData } from "node:worker_threads";
import type { FilesStart } from "../../src/store/search/worker-files.ts";

// What WorkerFiles gives to a worker.
const { directory, port } = workerData as FilesStart;

port.on("message", () => {
  const once = join(directory, "die-once");
  if (existsSync(once)) {
    rmSync(once);
    process.exit(1);
  }
  if (existsSync(join(directory, "die"))) process.exit(1);
});
await import("../../src/store/search/files-worker.ts");
