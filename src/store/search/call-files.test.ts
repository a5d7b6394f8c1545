// Calls that files count: parents in the same block, on another page, in another block, nowhere; ids that
// a client and its server share.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FOLDER } from "../../../test/store/dealt-files.ts";
import { SimulatedDisk } from "../../../test/store/simulated-disk.ts";
import { silentLog } from "../../base/log.ts";
import { STRING } from "../../model/attribute-table.ts";
import { KIND_CLIENT, KIND_SERVER, SpanBatch } from "../../model/span-batch.ts";
import { makeBlockImage } from "../block/block-image.ts";
import { writeBlock } from "../block/block-writer.ts";
import { PageCache } from "../block/page-cache.ts";
import { Head } from "../head/head.ts";
import { BlockSet, type BlockView } from "./block-set.ts";
import { countCalls } from "./call-files.ts";
import { openSegment, writeSegment } from "../file/segment-file.ts";

const noPause = (): undefined => undefined;
const always = { startUsMin: 0, startUsMax: 2 ** 53 };

interface Span {
  readonly trace?: number;
  readonly id: number;
  readonly parent?: number;
  readonly service: string;
  readonly kind?: number;
  readonly startUs?: number;
}

/** Each list of spans as a block. */
async function openBlocks(blocks: readonly (readonly Span[])[]): Promise<BlockView> {
  const disk = new SimulatedDisk();
  const set = new BlockSet(silentLog);
  for (const [n, spans] of blocks.entries()) {
    const head = new Head();
    head.append(batchOf(spans));
    const [block] = head.blocks;
    head.sealOpenBlock();
    const chunks = writeBlock(makeBlockImage(block!, head.traces), { hashSeed: 7 })!;
    const piece = { id: n + 1, arrivedMs: n, chunks, log: { sequence: n, rows: 0 } };
    const { name } = await writeSegment(disk, FOLDER, piece);
    const cache = new PageCache(1 << 20);
    set.change([openSegment(disk.openSource(`${FOLDER}/${name}`), cache)], []);
  }
  return set.view(Infinity);
}

function batchOf(spans: readonly Span[]): SpanBatch {
  const batch = new SpanBatch();
  const { dictionary, resourceAttributes } = batch;
  const scope = batch.openScope();
  batch.closeScope(scope);
  const resources = new Map<string, number>();
  for (const { service } of spans) {
    if (resources.has(service)) continue;
    const resource = batch.openResource();
    const key = dictionary.internText("service.name");
    resourceAttributes.add(key, STRING, dictionary.internText(service));
    batch.closeResource(resource);
    resources.set(service, resource);
  }
  for (const span of spans) {
    const row = batch.openRow(resources.get(span.service)!, scope);
    batch.traceId[16 * row] = span.trace ?? 1;
    new DataView(batch.spanId.buffer).setUint32(8 * row, span.id);
    new DataView(batch.parentSpanId.buffer).setUint32(8 * row, span.parent ?? 0);
    batch.kind[row] = span.kind ?? 0;
    batch.startUs[row] = span.startUs ?? 1_000;
    batch.closeRow();
  }
  return batch;
}

async function printCalls(
  blocks: readonly (readonly Span[])[],
  range = always,
): Promise<readonly string[]> {
  const { counts, strangers } = await countCalls(await openBlocks(blocks), range, noPause);
  return [
    ...counts.map(({ parent, child, callCount }) => `${parent} -> ${child}: ${callCount}`),
    ...Array.from(strangers.service, (number, n) => {
      const span = new DataView(strangers.spanIds.slice(8 * n, 8 * n + 4).buffer).getUint32(0);
      return `${strangers.traceIds[16 * n]}/${span} -> ${strangers.services[number]}`;
    }),
  ];
}

/** Enough spans of one trace that parents lie on other pages. */
const chain: readonly Span[] = Array.from({ length: 5_000 }, (_, n) => {
  const id = ((n * 7_919) % 5_000) + 1;
  const parent = id === 1 ? 0 : id - 1;
  return { id, parent, service: id % 2 === 0 ? "even" : "odd", startUs: n };
});

const cases: readonly [what: string, blocks: readonly (readonly Span[])[], calls: string[]][] = [
  [
    "a parent and its child",
    [
      [
        { id: 1, service: "a" },
        { id: 2, parent: 1, service: "b" },
      ],
    ],
    ["a -> b: 1"],
  ],
  [
    "calls within a service",
    [
      [
        { id: 1, service: "a" },
        { id: 2, parent: 1, service: "a" },
      ],
    ],
    [],
  ],
  [
    "a parent in another block, whichever came first",
    [
      [
        { id: 2, parent: 1, service: "b" },
        { id: 3, parent: 2, service: "c" },
      ],
      [
        { id: 1, service: "a" },
        { id: 4, parent: 3, service: "d" },
      ],
    ],
    ["a -> b: 1", "b -> c: 1", "c -> d: 1"],
  ],
  [
    "the same ids in another trace",
    [[{ trace: 1, id: 1, service: "a" }], [{ trace: 2, id: 2, parent: 1, service: "b" }]],
    ["2/1 -> b"],
  ],
  [
    "a server that shares its id with a client",
    [
      [
        { id: 1, service: "a" },
        { id: 2, parent: 1, service: "a", kind: KIND_CLIENT },
        { id: 2, parent: 1, service: "b", kind: KIND_SERVER },
        { id: 3, parent: 2, service: "c" },
      ],
    ],
    ["a -> b: 1", "a -> c: 1"],
  ],
  ["parents on other pages", [chain], ["even -> odd: 2499", "odd -> even: 2500"]],
  [
    "parents on other pages and in other blocks",
    [chain.slice(0, 2_500), chain.slice(2_500)],
    ["even -> odd: 2499", "odd -> even: 2500"],
  ],
];

for (const [what, blocks, calls] of cases) {
  test(`countCalls() counts ${what}, by statistics and by rows`, async () => {
    assert.deepEqual(await printCalls(blocks), calls);
    // A span outside, so that no block lies within the range.
    const early = blocks.map((spans, n) => [
      { trace: 100 + n, id: 1, service: "x", startUs: -5 },
      { trace: 100 + n, id: 2, parent: 1, service: "y", startUs: -5 },
      ...spans,
    ]);
    assert.deepEqual(await printCalls(early), calls);
  });
}

test("countCalls() asks when the child starts, not the parent", async () => {
  const blocks = [
    [
      { id: 1, service: "a", startUs: 100 },
      { id: 2, parent: 1, service: "b", startUs: 200 },
    ],
    [
      { id: 3, parent: 2, service: "c", startUs: 300 },
      { id: 4, parent: 9, service: "d", startUs: 400 },
    ],
  ];
  assert.deepEqual(await printCalls(blocks, { startUsMin: 200, startUsMax: 300 }), [
    "a -> b: 1",
    "b -> c: 1",
  ]);
  assert.deepEqual(await printCalls(blocks, { startUsMin: 301, startUsMax: 400 }), ["1/9 -> d"]);
  assert.deepEqual(await printCalls(blocks, { startUsMin: 401, startUsMax: 500 }), []);
});
