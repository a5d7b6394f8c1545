// Filters of traces in memory against the indexes of the files that they spare.

import assert from "node:assert/strict";
import { test } from "node:test";
import { traceIdOf } from "../../../test/store/corpus.ts";
import { writeFiles } from "../../../test/store/segment-files.ts";
import { SimulatedDisk } from "../../../test/store/simulated-disk.ts";
import { systemClock } from "../../base/clock.ts";
import { PageCache } from "../block/page-cache.ts";
import { type SegmentFile, openSegment } from "../file/segment-file.ts";
import { TraceFilters } from "./trace-filters.ts";
import { hashTraceId } from "../file/trace-index.ts";

const FOLDER = "/data/segments";

/** Files of 900 traces each, from `500 * n` on. */
async function openFiles(count: number): Promise<SegmentFile[]> {
  const disk = new SimulatedDisk();
  const plans = Array.from({ length: count }, (_, n) => {
    return { id: n + 1, rows: 2_000, traces: 900, tracesFrom: 500 * n };
  });
  const written = await writeFiles(disk, FOLDER, plans);
  return written.map(({ name }) =>
    openSegment(disk.openSource(`${FOLDER}/${name}`), new PageCache(1 << 20)),
  );
}

test("TraceFilters.mayHave() says yes to every trace of a file, and seldom to another", async () => {
  const files = await openFiles(3);
  const filters = new TraceFilters(systemClock);
  for (const file of files) filters.add(file);
  const hashes = Array.from({ length: 20_000 }, (_, trace) => hashTraceId(traceIdOf(trace)));
  // While a filter is made, its file is asked.
  assert.ok(files.every((file) => hashes.every((hash) => filters.mayHave(file, hash))));
  await filters.settled();
  for (const file of files) {
    let wrong = 0;
    for (const [trace, hash] of hashes.entries()) {
      if (filters.mayHave(file, hash))
        wrong += file.findTrace(traceIdOf(trace)).length === 0 ? 1 : 0;
      else assert.deepEqual(file.findTrace(traceIdOf(trace)), [], `trace ${trace}`);
    }
    assert.ok(wrong < 20_000 / 80, `${wrong} for nothing`);
  }
});

test("TraceFilters.remove() gives room back, also of a filter that is not made yet", async () => {
  const [one, two] = await openFiles(2);
  const filters = new TraceFilters(systemClock);
  filters.add(one!);
  await filters.settled();
  const bytes = filters.bytes;
  assert.ok(bytes >= 900 && bytes <= 4_096, `${bytes} bytes`);
  filters.add(two!);
  filters.remove(two!);
  await filters.settled();
  assert.equal(filters.bytes, bytes);
  filters.remove(one!);
  assert.equal(filters.bytes, 0);
  assert.ok(filters.mayHave(one!, hashTraceId(traceIdOf(1_000_000))));
});
