// What a payload should look like once it is stored: read, sanitized, printed.
//
// Readers and sanitizers have tests of their own; this is for tests of what lies around them.

import { systemClock } from "../src/base/clock.ts";
import type { ReadPayload } from "../src/collector/readers.ts";
import { makeSanitizer } from "../src/collector/sanitize.ts";
import { SpanBatch } from "../src/model/span-batch.ts";
import { makeMemoryStore } from "../src/store/memory/memory-store.ts";
import { printStored } from "./open-collector.ts";

/** As `TestCollector.printStored` prints it. */
export async function printSanitized(
  read: (...args: Parameters<ReadPayload>) => unknown,
  payload: Uint8Array,
): Promise<string> {
  const batch = new SpanBatch();
  read(payload, batch);
  const store = makeMemoryStore({ tracesMax: 0, bytesMax: 64 * 1024 * 1024 }, systemClock);
  await store.write(makeSanitizer(new Map())(batch).batch);
  return printStored(store);
}
