// Segment files: found again block by block, joined without a change, and no byte that can change unseen.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { makeRandom, traceIdOf } from "../../../test/store/corpus.ts";
import {
  makePiece,
  printBlock,
  printSegment,
  writeFiles,
} from "../../../test/store/segment-files.ts";
import { SimulatedDisk } from "../../../test/store/simulated-disk.ts";
import { SpoorError } from "../../base/errors.ts";
import { openBlock, sourceOf } from "../block/block-reader.ts";
import { PageCache } from "../block/page-cache.ts";
import { parseManifest } from "./manifest.ts";
import { mergeSegments } from "./merge-segments.ts";
import {
  type SegmentFigures,
  type SegmentFile,
  openSegment,
  writeSegment,
} from "./segment-file.ts";

const FOLDER = "/data/segments";

function open(disk: SimulatedDisk, { name }: SegmentFigures): SegmentFile {
  return openSegment(disk.openSource(`${FOLDER}/${name}`), new PageCache(1 << 24));
}

test("openSegment() gives back the block that writeSegment() wrote", async () => {
  const disk = new SimulatedDisk();
  const piece = makePiece({ id: 7, rows: 300, traces: 20 });
  const figures = await writeSegment(disk, FOLDER, piece);
  assert.equal(figures.name, "000000000007-000000000007.segment");
  assert.deepEqual(await disk.list(FOLDER), [figures.name]);
  assert.equal(figures.bytes, await disk.size(`${FOLDER}/${figures.name}`));
  const file = open(disk, figures);
  assert.deepEqual(file.figures, figures);
  assert.deepEqual([figures.rows, figures.traces], [300, 20]);
  assert.deepEqual(figures.log, { sequence: 70, rows: 1 });
  const [block] = file.blocks;
  const { offset, bytes } = block!;
  assert.deepEqual(file.source.read(offset, bytes), new Uint8Array(Buffer.concat(piece.chunks)));
  assert.equal(printBlock(file, 0).split("\n").length >= 300, true);
  file.close();
  assert.equal(disk.openSources, 0);
});

test("SegmentFile.findTrace() names every block that has the trace and few that have not", async () => {
  const disk = new SimulatedDisk();
  const plans = Array.from({ length: 12 }, (_, i) => {
    return { id: i + 1, rows: 2_500, traces: 900, tracesFrom: 700 * i };
  });
  const sources = await writeFiles(disk, FOLDER, plans);
  const figures = await mergeSegments(disk, FOLDER, sources);
  const file = open(disk, figures);
  assert.ok(file.index.pages > 10);
  let found = 0;
  let held = 0;
  for (let trace = 0; trace < 9_000; trace++) {
    const id = traceIdOf(trace);
    const may = file.findTrace(id);
    const has = file.blocks.map((_, i) => i).filter((i) => file.open(i).findTrace(id) >= 0);
    for (const index of has) assert.ok(may.includes(index), `trace ${trace}, block ${index}`);
    assert.deepEqual(
      may,
      may.toSorted((one, two) => one - two),
    );
    found += may.length;
    held += has.length;
  }
  assert.ok(held > 9_000);
  assert.ok(found - held < 10, `${found} asked, ${held} had it`);
  file.close();
});

test("mergeSegments() keeps every block as it is, however often files are joined", async () => {
  const disk = new SimulatedDisk();
  const plans = [3, 4, 5, 9, 10].map((id) => ({ id, rows: 40 * id, traces: 10, tracesFrom: id }));
  const sources = await writeFiles(disk, FOLDER, plans);
  const expected = sources.map((source) => printSegment(open(disk, source))).join("\n");
  const [one, two, three, four, five] = sources;
  const left = await mergeSegments(disk, FOLDER, [one!, two!]);
  const right = await mergeSegments(disk, FOLDER, [three!, four!, five!]);
  const figures = await mergeSegments(disk, FOLDER, [left, right]);
  assert.equal(figures.name, "000000000003-000000000010.segment");
  assert.deepEqual(figures.log, five!.log);
  assert.equal(figures.arrivedMs, five!.arrivedMs);
  assert.equal(figures.blocks, 5);
  assert.equal(figures.bytes, await disk.size(`${FOLDER}/${figures.name}`));
  const file = open(disk, figures);
  assert.deepEqual(file.figures, figures);
  assert.deepEqual(
    file.blocks.map(({ id }) => id),
    [3, 4, 5, 9, 10],
  );
  assert.equal(printSegment(file), expected);
  const atOnce = await mergeSegments(disk, FOLDER, sources);
  assert.deepEqual(atOnce, figures);
  assert.deepEqual(
    await disk.read(`${FOLDER}/${atOnce.name}`),
    new Uint8Array(file.source.read(0, file.source.bytes)),
  );
});

test("mergeSegments() refuses a source with any byte changed, and leaves no file", async () => {
  const whole = new SimulatedDisk();
  const plans = [1, 2].map((id) => ({ id, rows: 30, traces: 4 }));
  const sources = await writeFiles(whole, FOLDER, plans);
  const { name, bytes } = sources[0]!;
  const content = await whole.read(`${FOLDER}/${name}`);
  for (let at = 0; at < bytes; at += 3) {
    const changed = content.slice();
    changed[at]! ^= 1 << (at % 8);
    whole.damage(`${FOLDER}/${name}`, () => changed);
    await assert.rejects(mergeSegments(whole, FOLDER, sources), (error) => {
      assert.ok(error instanceof SpoorError, `byte ${at}: ${String(error)}`);
      assert.deepEqual([error.code, error.where["file"]], ["unavailable", name]);
      return true;
    });
  }
  assert.equal(whole.openSources, 0);
  assert.deepEqual(
    await whole.list(FOLDER),
    sources.map((source) => source.name),
  );
});

/** What is asked of a file in the tests of damage. */
function answersOf(file: SegmentFile): string {
  const traces = Array.from({ length: 5 }, (_, trace) => {
    const id = traceIdOf(trace);
    return file
      .findTrace(id)
      .filter((index) => file.open(index).findTrace(id) >= 0)
      .join(",");
  });
  return `${traces.join(";")}\n${printSegment(file)}`;
}

async function damagedFile(): Promise<{ content: Uint8Array; expected: string }> {
  const disk = new SimulatedDisk();
  const plans = [1, 2].map((id) => ({ id, rows: 4, traces: 2, tracesFrom: id }));
  const figures = await mergeSegments(disk, FOLDER, await writeFiles(disk, FOLDER, plans));
  const content = await disk.read(`${FOLDER}/${figures.name}`);
  return { content, expected: answersOf(open(disk, figures)) };
}

/** @returns whether the damage was refused; a right answer is as good. */
function isRefused(bytes: Uint8Array, expected: string, what: string): boolean {
  const source = { ...sourceOf(bytes), close: () => undefined };
  try {
    const file = openSegment(source, new PageCache(1 << 20));
    assert.equal(answersOf(file), expected, what);
    return false;
  } catch (error) {
    assert.ok(error instanceof SpoorError, `${what}: ${String(error)}`);
    assert.equal(error.code, "unavailable", what);
    return true;
  }
}

test("SegmentFile answers rightly or not at all with any byte changed", async () => {
  const { content, expected } = await damagedFile();
  let refused = 0;
  for (let at = 0; at < content.length; at += content[at] === 0 ? 7 : 2) {
    const changed = content.slice();
    changed[at]! ^= 1 << (at % 8);
    if (isRefused(changed, expected, `byte ${at}`)) refused++;
  }
  // The index is not needed, and not every page of a block is asked for.
  assert.ok(refused > 500, `${refused} of ${content.length}`);
});

test("openSegment() refuses a file that was cut at any length", async () => {
  const { content, expected } = await damagedFile();
  for (let end = 0; end < content.length; end += 3) {
    assert.ok(isRefused(content.subarray(0, end), expected, `${end} bytes`), `${end} bytes`);
  }
  let isClosed = false;
  const source = { ...sourceOf(content.subarray(1)), close: () => void (isClosed = true) };
  assert.throws(() => openSegment(source, new PageCache(0)), { code: "unavailable" });
  assert.ok(isClosed);
});

/** Runs `work` until the power goes, and says whether it ended before. */
async function untilTheCut(work: Promise<unknown>): Promise<boolean> {
  let isDone = false;
  void work.then(() => (isDone = true));
  // Nothing settles when the power is gone: all that can go on has gone on after some turns.
  for (let turn = 0; turn < 200 && !isDone; turn++) await Promise.resolve();
  return isDone;
}

test("a power cut at any operation of writing and merging leaves whole files under their names", async () => {
  const plans = [1, 2].map((id) => ({ id, rows: 60, traces: 4 }));
  for (let cutAt = 0; ; cutAt++) {
    const disk = new SimulatedDisk();
    disk.cutAt = cutAt;
    const done: SegmentFigures[] = [];
    const isDone = await untilTheCut(
      (async () => {
        for (const plan of plans) done.push(await writeSegment(disk, FOLDER, makePiece(plan)));
        done.push(await mergeSegments(disk, FOLDER, done));
      })(),
    );
    for (let seed = 1; seed <= 5; seed++) {
      const after = disk.afterPowerCut(makeRandom(100 * cutAt + seed));
      for (const figures of done) assert.deepEqual(open(after, figures).figures, figures);
      for (const name of await after.list(FOLDER)) {
        // What has its name was synced before: found, it is whole.
        if (name.endsWith(".segment")) printSegment(open(after, { name } as SegmentFigures));
      }
    }
    if (isDone) break;
    assert.ok(cutAt < 100);
  }
});

for (const fault of ["ENOSPC", "EIO", "short"] as const) {
  test(`${fault} at any operation of writing leaves no file, or the whole one`, async () => {
    const piece = makePiece({ id: 1, rows: 60, traces: 4 });
    const whole = new SimulatedDisk();
    await writeSegment(whole, FOLDER, piece);
    for (let at = 0; at < whole.operations; at++) {
      const disk = new SimulatedDisk();
      disk.faults.set(at, fault);
      const figures = await writeSegment(disk, FOLDER, piece).catch(() => undefined);
      if (fault === "short") assert.ok(figures !== undefined);
      if (figures !== undefined) printSegment(open(disk, figures));
      // A second attempt succeeds whatever the first one left.
      printSegment(open(disk, await writeSegment(disk, FOLDER, piece)));
      assert.equal((await disk.list(FOLDER)).length, 1);
    }
  });
}

test("SegmentFile.open() opens a block once while there is room, and again when there is none", async () => {
  const disk = new SimulatedDisk();
  const figures = await writeSegment(disk, FOLDER, makePiece({ id: 1, rows: 60, traces: 4 }));
  const roomy = open(disk, figures);
  assert.equal(roomy.open(0), roomy.open(0));
  const tight = openSegment(disk.openSource(`${FOLDER}/${figures.name}`), new PageCache(0));
  assert.notEqual(tight.open(0), tight.open(0));
  assert.equal(printSegment(tight), printSegment(roomy));
});

test("openBlock() reads the stretch of a block by itself", async () => {
  const disk = new SimulatedDisk();
  const figures = await writeSegment(disk, FOLDER, makePiece({ id: 1, rows: 60, traces: 4 }));
  const file = open(disk, figures);
  const { offset, bytes } = file.blocks[0]!;
  const block = openBlock(sourceOf(file.source.read(offset, bytes)), new PageCache(0));
  assert.deepEqual(block.figures, file.open(0).figures);
});

const golden = new URL("../../../test/golden/segment/", import.meta.url);
const GOLDEN_NAME = "000000000003-000000000005.segment";

function openGolden(): SegmentFile {
  const bytes = new Uint8Array(readFileSync(new URL(GOLDEN_NAME, golden)));
  return openSegment({ ...sourceOf(bytes), close: () => undefined }, new PageCache(1 << 20));
}

test("openSegment() reads a file that an earlier version wrote", () => {
  const file = openGolden();
  assert.equal(`${printSegment(file)}\n`, readFileSync(new URL("segment.txt", golden), "utf8"));
  const manifest = parseManifest(readFileSync(new URL("MANIFEST", golden)));
  assert.deepEqual(manifest.files, [file.figures]);
  assert.deepEqual(manifest.log, { sequence: 52, rows: 7 });
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((trace) => file.findTrace(traceIdOf(trace)).join()),
    ["0", "0,1", "1", "1", ""],
  );
});

test("docs/formats tells the parts of that file, and the manifest", () => {
  const { blocks, index, figures, source } = openGolden();
  const line = (what: string, at: number, bytes: number, more = ""): string =>
    `${what.padEnd(14)}${String(at).padStart(4)}${String(bytes).padStart(8)}${more}`;
  const indexAt = index.offsetOf(0);
  const footerAt = index.offsetOf(index.pages);
  const lines = [
    line("header", 0, 16),
    ...blocks.map(({ id, offset, bytes, crc }) =>
      line(`block ${id}`, offset, bytes, `  crc ${crc.toString(16).padStart(8, "0")}`),
    ),
    line("index page 0", indexAt, 4_096, `  ${index.entries(0)!.length} entries`),
    line("footer", footerAt, source.bytes - 16 - footerAt),
    line("trailer", source.bytes - 16, 16),
    `log position  sequence ${figures.log.sequence}, rows ${figures.log.rows}`,
  ].join("\n");
  const docs = new URL("../../../docs/formats/", import.meta.url);
  assert.ok(readFileSync(new URL("segment-file.md", docs), "utf8").includes(lines), lines);
  const manifest = readFileSync(new URL("MANIFEST", golden), "utf8");
  assert.ok(readFileSync(new URL("manifest.md", docs), "utf8").includes(manifest), manifest);
});
