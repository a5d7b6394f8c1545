// Which service each of some spans belongs to, as far as files know.
//
//   spans ─ by trace ─▶ blocks that may have it ─▶ block by block, its traces in the order of their rows
//
// So each page is decoded once, however many of the spans lie in it.

import type { FileBlock } from "../block/block-reader.ts";
import { PAGE_ROWS } from "../block/layout.ts";
import type { Pause } from "../head/pause.ts";
import { NO_SERVICE, type SpanNames, type SpanServices } from "../part.ts";
import { ServiceNumbers } from "../strangers.ts";
import type { BlockView, HeldBlock } from "./block-set.ts";
import { BlockTexts } from "./block-texts.ts";
import { SpanTable } from "./span-table.ts";

/** Traces looked for between two looks at the clock. */
const TRACES_BETWEEN_PAUSES = 32;

/** As `Part.spanServices`: of a span that is in several blocks, the oldest counts. */
export async function findSpanServices(
  view: BlockView,
  spans: SpanNames,
  pause: Pause,
): Promise<SpanServices> {
  const count = spans.spanIds.length / 8;
  const service = new Uint32Array(count).fill(NO_SERVICE);
  const numbers = new ServiceNumbers();
  // Copied: words need their alignment, and what is given may be a part of something larger.
  const words = new Uint32Array(new Uint8Array(spans.spanIds).buffer);
  const table = new SpanTable();
  const byTrace = groupByTrace(spans.traceIds, count);
  const byBlock = await groupByBlock(view, byTrace.keys(), pause);
  for (const held of [...byBlock.keys()].sort((one, two) => one.id - two.id)) {
    const ids = byBlock.get(held)!.sort();
    for (let from = 0; from < ids.length; from += TRACES_BETWEEN_PAUSES) {
      view.use(held, (block) => {
        const texts = new BlockTexts(block);
        for (const id of ids.slice(from, from + TRACES_BETWEEN_PAUSES)) {
          findInTrace(block, bytesOf(id), byTrace.get(id)!, words, table, (n, resource) => {
            if (service[n] !== NO_SERVICE) return;
            service[n] = numbers.of(texts.text(block.resourceService[resource]!));
          });
        }
      });
      await pause();
    }
  }
  return { services: numbers.services, service };
}

async function groupByBlock(
  view: BlockView,
  ids: Iterable<string>,
  pause: Pause,
): Promise<Map<HeldBlock, string[]>> {
  const groups = new Map<HeldBlock, string[]>();
  let looked = 0;
  for (const id of ids) {
    for (const held of view.blocksOfTrace(bytesOf(id))) {
      const known = groups.get(held);
      if (known === undefined) groups.set(held, [id]);
      else known.push(id);
    }
    if (++looked % TRACES_BETWEEN_PAUSES === 0) await pause();
  }
  return groups;
}

/** Looks for spans in one trace of a block. @param wanted is used for it. */
function findInTrace(
  block: FileBlock,
  id: Uint8Array,
  numbers: readonly number[],
  words: Uint32Array,
  wanted: SpanTable,
  found: (n: number, resource: number) => void,
): void {
  const trace = block.findTrace(id);
  if (trace < 0) return;
  // Of spans that are asked for several times: the place of the next one in `numbers`, or -1.
  const next = new Int32Array(numbers.length).fill(-1);
  wanted.reset();
  for (const [place, n] of numbers.entries()) {
    const first = wanted.add(words[2 * n]!, words[2 * n + 1]!, place);
    if (first < 0) continue;
    next[place] = next[first]!;
    next[first] = place;
  }
  const { from, end } = block.rowsOfTrace(trace);
  for (let row = from; row < end;) {
    const page = block.page(Math.floor(row / PAGE_ROWS));
    const { spanId } = page;
    const pageEnd = Math.min(end, page.firstRow + page.rows);
    for (; row < pageEnd; row++) {
      const at = row - page.firstRow;
      let place = wanted.find(spanId[2 * at]!, spanId[2 * at + 1]!);
      for (; place >= 0; place = next[place]!) found(numbers[place]!, page.resource[at]!);
    }
  }
}

/** Trace id, 16 bytes as latin-1, which sorts as bytes do -> numbers of the spans in it. */
function groupByTrace(traceIds: Uint8Array, count: number): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (let n = 0; n < count; n++) {
    const id = String.fromCharCode(...traceIds.subarray(16 * n, 16 * n + 16));
    const known = groups.get(id);
    if (known === undefined) groups.set(id, [n]);
    else known.push(n);
  }
  return groups;
}

function bytesOf(id: string): Uint8Array {
  return Uint8Array.from(id, (char) => char.charCodeAt(0));
}
