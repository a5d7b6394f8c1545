// A store of several parts: rows are dealt out to them at random, and whoever asks sees one store.
//
//   write ─▶ row ─▶ part of its start ─┐
//   question ─▶ JoinedPart ────────────┴─▶ answers that nobody can tell from those of one part
//
// Rows of one start go to one part, since the order in which they came is kept only within a part.

import { SpoorError } from "../../src/base/errors.ts";
import { RowCopier } from "../../src/model/copy-rows.ts";
import { SpanBatch } from "../../src/model/span-batch.ts";
import { JoinedPart } from "../../src/store/join-parts.ts";
import type { Part } from "../../src/store/part.ts";
import { PartQueries, readsOf } from "../../src/store/part-queries.ts";
import type { TraceStore } from "../../src/store/trace-store.ts";
import { traceIdText } from "./brute-force.ts";
import { makeRandom } from "./corpus.ts";

/** One of the parts, and how rows come into it. */
export interface DealtPart {
  readonly part: Part;
  append(batch: SpanBatch): Promise<void>;
}

export function makeDealtStore(
  parts: readonly DealtPart[],
  seed: number,
  close: () => Promise<void>,
): TraceStore {
  const partOf = makeDealer(parts.length, seed);
  const traces = new Set<string>();
  let open = 0;
  let spans = 0;
  const joined = new JoinedPart(() => {
    open++;
    return { parts: parts.map(({ part }) => part), done: () => open-- };
  });
  return {
    ...readsOf(new PartQueries(joined)),
    capabilities: { searchWithoutService: true, archive: false, series: true },
    async write(batch) {
      const dealt = parts.map(() => new SpanBatch());
      const copiers = dealt.map((one) => new RowCopier(batch, one));
      for (let row = 0; row < batch.rows; row++) {
        copiers[partOf(batch, row)]!.copyRow(row);
        traces.add(traceIdText(batch, row));
      }
      spans += batch.rows;
      await Promise.all(dealt.map((one, at) => parts[at]!.append(one)));
    },
    archive: () => Promise.reject(new SpoorError("unsupported", "no archive here")),
    ready: () => Promise.resolve(),
    figures: () => ({
      traces: traces.size,
      spans,
      bytes: 0,
      evictedSpans: 0,
      evictedTraces: 0,
      recoveredSpans: 0,
      lostRecords: 0,
    }),
    async close() {
      if (open !== 0) throw new Error(`${open} questions did not say that they were done`);
      await close();
    },
  };
}

/** Which part gets a row: at random, but the same for all rows of one start. */
function makeDealer(parts: number, seed: number): (batch: SpanBatch, row: number) => number {
  const random = makeRandom(seed);
  const dealt = new Map<string, number>();
  return (batch, row) => {
    const start = `${batch.startUs[row]} ${batch.startRestNs[row]}`;
    let part = dealt.get(start);
    if (part === undefined) dealt.set(start, (part = Math.floor(random() * parts)));
    return part;
  };
}
