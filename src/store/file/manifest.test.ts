// The manifest: read as it was written, replaced whole, and never believed when it is damaged.

import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { makeRandom } from "../../../test/store/corpus.ts";
import { SimulatedDisk } from "../../../test/store/simulated-disk.ts";
import { SpoorError } from "../../base/errors.ts";
import {
  EMPTY_MANIFEST,
  MANIFEST_NAME,
  type Manifest,
  parseManifest,
  printManifest,
  readManifest,
  writeManifest,
} from "./manifest.ts";
import { type SegmentFigures, segmentFileName } from "./segment-layout.ts";

const DIRECTORY = "/data";
const PATH = `${DIRECTORY}/${MANIFEST_NAME}`;

function figuresFrom(firstBlock: number, lastBlock: number): SegmentFigures {
  return {
    name: segmentFileName(firstBlock, lastBlock),
    bytes: 1_000 * lastBlock,
    firstBlock,
    lastBlock,
    blocks: lastBlock - firstBlock + 1,
    rows: 65_536,
    traces: 1_234,
    startUsMin: 1_700_000_000_000_000.5,
    startUsMax: 1_700_000_060_000_000,
    arrivedMs: 1_700_000_000_000,
    log: { sequence: 10 * lastBlock, rows: 3 },
  };
}

function manifestOf(files: readonly SegmentFigures[], nextBlock = 100): Manifest {
  const dropped = { spans: 5, traces: 2, files: 1 };
  return { nextBlock, log: { sequence: 77, rows: 8 }, files, dropped };
}

const SAMPLE = manifestOf([figuresFrom(1, 64), figuresFrom(65, 65), figuresFrom(70, 99)]);

test("readManifest() gives back what writeManifest() wrote, and undefined where there is none", async () => {
  const disk = new SimulatedDisk();
  assert.equal(await readManifest(disk, DIRECTORY), undefined);
  for (const manifest of [EMPTY_MANIFEST, SAMPLE]) {
    await writeManifest(disk, DIRECTORY, manifest);
    assert.deepEqual(await readManifest(disk, DIRECTORY), manifest);
  }
  assert.deepEqual(await disk.list(DIRECTORY), [MANIFEST_NAME]);
});

test("parseManifest() refuses any changed byte and any length", () => {
  const bytes = printManifest(SAMPLE);
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at]! ^= 1 << (at % 8);
    assert.throws(() => parseManifest(changed), { code: "unavailable" }, `byte ${at}`);
    assert.throws(
      () => parseManifest(bytes.subarray(0, at)),
      { code: "unavailable" },
      `${at} bytes`,
    );
  }
});

/** The text of a manifest under a right checksum. */
function sealed(change: (text: string) => string): Uint8Array {
  const text = Buffer.from(printManifest(SAMPLE))
    .toString()
    .replace(/end .*\n$/, "");
  const changed = change(text);
  assert.notEqual(changed, text);
  return Buffer.from(`${changed}end ${crc32(changed).toString(16).padStart(8, "0")}\n`);
}

const wrong: readonly (readonly [what: string, change: (text: string) => string, code: string])[] =
  [
    ["a later version", (text) => text.replace("manifest 1", "manifest 2"), "unsupported"],
    ["another title", (text) => text.replace("spoor", "other"), "unavailable"],
    ["a line that is not JSON", (text) => text.replace('{"name"', '{"name'), "unavailable"],
    ["a line without figures", (text) => `${text}null\n`, "unavailable"],
    ["a count below 0", (text) => text.replace('"rows":65536', '"rows":-1'), "unavailable"],
    ["a fraction", (text) => text.replace('"sequence":77', '"sequence":7.5'), "unavailable"],
    ["no position", (text) => text.replace('"log":{"sequence":77,"rows":8},', ""), "unavailable"],
    [
      "a next block in a file",
      (text) => text.replace('"nextBlock":100', '"nextBlock":99'),
      "unavailable",
    ],
    ["another name", (text) => text.replace("000000000065-", "../../000065-"), "unavailable"],
    ["a file twice", (text) => text + text.split("\n")[4]! + "\n", "unavailable"],
  ];

for (const [what, change, code] of wrong) {
  test(`parseManifest() refuses ${what} as ${code}`, () => {
    assert.throws(
      () => parseManifest(sealed(change)),
      (error) => error instanceof SpoorError && error.code === code,
    );
  });
}

test("a power cut while the manifest is replaced leaves the old one or the new one", async () => {
  const next = manifestOf([figuresFrom(1, 99)]);
  let seen = 0;
  for (let cutAt = 0; ; cutAt++) {
    const disk = new SimulatedDisk();
    await writeManifest(disk, DIRECTORY, SAMPLE);
    disk.cutAt = disk.operations + cutAt;
    let isDone = false;
    void writeManifest(disk, DIRECTORY, next).then(() => (isDone = true));
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    for (let seed = 1; seed <= 10; seed++) {
      const found = await readManifest(
        disk.afterPowerCut(makeRandom(seed + 50 * cutAt)),
        DIRECTORY,
      );
      const isNew = found?.files.length === 1;
      assert.deepEqual(found, isNew ? next : SAMPLE);
      if (isDone) assert.ok(isNew);
      seen |= isNew ? 2 : 1;
    }
    if (isDone) break;
    assert.ok(cutAt < 20);
  }
  assert.equal(seen, 3, "both were seen");
});

test("writeManifest() that fails leaves the old manifest, and can be tried again", async () => {
  for (let at = 0; at < 5; at++) {
    const disk = new SimulatedDisk();
    await writeManifest(disk, DIRECTORY, SAMPLE);
    disk.faults.set(disk.operations + at, "EIO");
    const next = manifestOf([figuresFrom(1, 99)]);
    await assert.rejects(writeManifest(disk, DIRECTORY, next));
    const isNew = (await readManifest(disk, DIRECTORY))?.files.length === 1;
    assert.equal(isNew, at === 4, "only the sync of the folder comes behind the rename");
    await writeManifest(disk, DIRECTORY, next);
    assert.deepEqual(await readManifest(disk, DIRECTORY), next);
    assert.equal(await disk.size(PATH), printManifest(next).length);
  }
});
