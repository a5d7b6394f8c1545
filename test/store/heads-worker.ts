// A thread with heads, each of them a part that is asked from elsewhere: for tests of remote parts.
//
//   worker data: the port that is served; the extra argument of a question is the number of a head
//   messages: { head, packed } to append · { drop } heads · "exit" · "throw"      every one is answered
//
// Heads are made when they are first named.

import { parentPort, workerData } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { systemClock } from "../../src/base/clock.ts";
import { unpackSpans } from "../../src/model/pack-spans.ts";
import { HeadPart } from "../../src/store/head/head-part.ts";
import { Head } from "../../src/store/head/head.ts";
import { servePart } from "../../src/store/serve-part.ts";

export type ToHeads =
  | { readonly head: number; readonly packed: ArrayBuffer; readonly blockRowsMax: number }
  | { readonly drop: readonly number[] }
  | "exit"
  | "throw";

const heads = new Map<number, Head>();

function headOf(number: number, blockRowsMax?: number): Head {
  let head = heads.get(number);
  if (head === undefined) heads.set(number, (head = new Head(blockRowsMax)));
  return head;
}

servePart(workerData as MessagePort, (extra) => {
  if (extra === "bug") throw new Error("bug: on purpose");
  return new HeadPart(headOf(extra as number), systemClock);
});

parentPort!.on("message", (message: ToHeads) => {
  if (message === "exit") process.exit(0);
  if (message === "throw") throw new Error("bug: on purpose");
  if ("drop" in message) for (const number of message.drop) heads.delete(number);
  else headOf(message.head, message.blockRowsMax).append(unpackSpans(message.packed));
  parentPort!.postMessage("done", []);
});
