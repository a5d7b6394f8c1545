// What a check of a block tells, and that nothing in a block can do worse than be refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeQuery, makeRandom, makeSpans } from "../../../test/store/corpus.ts";
import { SpoorError } from "../../base/errors.ts";
import { printSpans } from "../../model/print-spans.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import { Emitter } from "../head/emit.ts";
import { Head } from "../head/head.ts";
import { makeBlockImage } from "./block-image.ts";
import { type FileBlock, openBlock, sourceOf } from "./block-reader.ts";
import { writeBlock } from "./block-writer.ts";
import { readFooter, writeFooter } from "./footer.ts";
import type { Figures, Section } from "./layout.ts";
import { PageCache } from "./page-cache.ts";
import { PageWriter, withPage } from "./page-codec.ts";
import { verifyBlock } from "./verify-block.ts";

function bytesOf(batches: readonly SpanBatch[]): Uint8Array {
  const head = new Head();
  for (const batch of batches) head.append(batch);
  head.sealOpenBlock();
  const image = makeBlockImage(head.blocks[0]!, head.traces);
  return new Uint8Array(Buffer.concat(writeBlock(image, { hashSeed: 7 })!));
}

function corpus(seed: number, rows: number, tracesEnd: number): SpanBatch[] {
  const random = makeRandom(seed);
  return Array.from({ length: Math.ceil(rows / 100) }, () =>
    makeSpans({ random, rows: Math.min(rows, 100), tracesFrom: 0, tracesEnd }),
  );
}

/** The block with other contents of a page, or other figures, and checksums that are right. */
function altered(
  bytes: Uint8Array,
  change: (section: Section, index: number, contents: Uint8Array) => void,
  figures: Partial<Figures> = {},
): Uint8Array {
  const source = sourceOf(bytes);
  const footer = readFooter(source);
  const inOrder = [...footer.pages].sort((one, two) => one.offset - two.offset);
  const writer = new PageWriter(1);
  for (const page of inOrder) {
    const read = (at: number, length: number): Uint8Array => source.read(at, length);
    const contents = withPage(page, read, (bytes) => bytes.slice());
    change(page.section, page.index, contents);
    writer.add(page.section, contents, false);
  }
  const end = writeFooter({ ...footer.figures, ...figures }, writer.pages);
  return new Uint8Array(Buffer.concat([...writer.chunks, end]));
}

const nothing = (): void => undefined;

for (const [what, batches] of [
  ["a small block", corpus(1, 40, 5)],
  ["a block of several pages", corpus(2, 5_000, 700)],
] as const) {
  test(`verifyBlock() finds nothing wrong with ${what}`, () => {
    const bytes = bytesOf(batches);
    assert.deepEqual(verifyBlock(sourceOf(bytes)), []);
    assert.deepEqual(verifyBlock(sourceOf(altered(bytes, nothing))), []);
  });
}

test("verifyBlock() finds every flipped byte and every cut, and throws nothing", () => {
  const bytes = bytesOf(corpus(3, 20, 4));
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Uint8Array.from(bytes);
    flipped[at]! ^= 1 << (at % 8);
    assert.ok(verifyBlock(sourceOf(flipped)).length > 0, `byte ${at}`);
    assert.ok(verifyBlock(sourceOf(bytes.subarray(0, at))).length > 0, `${at} bytes`);
  }
});

test("verifyBlock() tells every damaged page, and where it is", () => {
  const bytes = bytesOf(corpus(2, 3_000, 300));
  const { pages } = readFooter(sourceOf(bytes));
  const damaged = [pages.page("spanIds", 0), pages.page("attributes", 1), pages.page("traces", 0)];
  for (const { offset } of damaged) bytes[offset]! ^= 1;
  assert.deepEqual(
    verifyBlock(sourceOf(bytes)),
    damaged.map(({ section, index, offset }) => ({
      what: "damaged block: its checksum is wrong",
      isUnreadable: true,
      section,
      page: index,
      offset,
    })),
  );
});

/** Contradictions behind right checksums, and the section that they show in. */
const contradictions: readonly {
  readonly what: string;
  readonly section: Section;
  readonly change?: (section: Section, index: number, contents: Uint8Array) => void;
  readonly figures?: Partial<Figures>;
}[] = [
  {
    what: "ids that do not rise",
    section: "traceIds",
    change: (section, _, contents) => {
      if (section === "traceIds") contents.fill(0, 16, 32);
    },
  },
  { what: "another last start", section: "rows", figures: { startUsMax: 1 } },
  {
    what: "another longest duration",
    section: "rows",
    figures: { pageDurationNsMax: [1] },
  },
  {
    what: "another first id of a page",
    section: "traceIds",
    figures: { tracePageId: new Uint8Array(16) },
  },
  {
    what: "a filter that denies everything",
    section: "filter",
    change: (section, _, contents) => {
      if (section === "filter") contents.fill(0);
    },
  },
  {
    what: "texts with other bytes",
    section: "textIndex",
    change: (section, _, contents) => {
      if (section === "sharedTexts") contents[contents.length - 1]! ^= 1;
    },
  },
  {
    what: "statistics with another count",
    section: "statistics",
    change: (section, _, contents) => {
      if (section === "statistics") contents[contents.length - 1]! ^= 1;
    },
  },
  {
    what: "traces with other orphans",
    section: "traces",
    change: (section, _, contents) => {
      if (section === "traces") contents[contents.length - 1]! ^= 1;
    },
  },
];

for (const { what, section, change = nothing, figures } of contradictions) {
  test(`verifyBlock() finds ${what}`, () => {
    const bytes = altered(bytesOf(corpus(4, 60, 6)), change, figures);
    const findings = verifyBlock(sourceOf(bytes));
    assert.ok(findings.length > 0, "nothing was found");
    assert.ok(
      findings.some((finding) => finding.section === section),
      JSON.stringify(findings),
    );
  });
}

/** All traces, and the rows that meet some queries; each refused or as it is. */
function answers(file: FileBlock, queries: number): (() => string)[] {
  const random = makeRandom(9);
  const all: (() => string)[] = [];
  for (let trace = 0; trace < file.figures.traces; trace++) {
    all.push(() => {
      const emitter = new Emitter();
      file.emitTrace(trace, emitter);
      return printSpans(emitter.batch);
    });
  }
  for (let i = 0; i < queries; i++) {
    const query = makeQuery(random);
    all.push(() => {
      const rows: number[] = [];
      file.matchRows(query, (row, startUs) => rows.push(row, startUs));
      return rows.join();
    });
  }
  return all;
}

/** @returns undefined if it is refused as damaged. */
function answerOf<T>(ask: () => T, what: string): T | undefined {
  try {
    return ask();
  } catch (error) {
    assert.ok(error instanceof SpoorError, `${what}: ${String((error as Error).stack)}`);
    assert.equal(error.code, "unavailable", what);
    return undefined;
  }
}

test("a flipped byte changes no answer: it is refused, or as it was", () => {
  const bytes = bytesOf(corpus(5, 7, 3));
  const expected = answers(openBlock(sourceOf(bytes), new PageCache(1 << 20)), 4).map((ask) =>
    ask(),
  );
  let equal = 0;
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Uint8Array.from(bytes);
    flipped[at]! ^= 1 << (at % 8);
    const what = `byte ${at}`;
    const file = answerOf(() => openBlock(sourceOf(flipped), new PageCache(1 << 20)), what);
    if (file === undefined) continue;
    answers(file, 4).forEach((ask, i) => {
      const answer = answerOf(ask, what);
      if (answer === undefined) return;
      assert.equal(answer, expected[i], what);
      equal++;
    });
  }
  assert.ok(equal > 1_000, `${equal} answers of damaged blocks`);
});

test("a block with wrong contents behind right checksums is read, or refused as damaged", () => {
  const bytes = bytesOf(corpus(5, 7, 3));
  let refused = 0;
  for (const page of readFooter(sourceOf(bytes)).pages) {
    for (let at = 0; at < page.bytes; at += 3) {
      const bad = altered(bytes, (section, index, contents) => {
        if (section === page.section && index === page.index) contents[at]! ^= 1 << (at % 8);
      });
      const what = `byte ${at} of ${page.section}`;
      const file = answerOf(() => openBlock(sourceOf(bad), new PageCache(1 << 20)), what)!;
      for (const ask of answers(file, 4)) if (answerOf(ask, what) === undefined) refused++;
      verifyBlock(sourceOf(bad));
    }
  }
  assert.ok(refused > 100, `${refused} refused`);
});
