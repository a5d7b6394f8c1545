// A directory that is checked: what is right is said to be right, every damage is found and named, and what
// is left after repairing is right again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { printSegment, writeFiles } from "../../../test/store/segment-files.ts";
import { SimulatedDisk } from "../../../test/store/simulated-disk.ts";
import { PageCache } from "../block/page-cache.ts";
import { LogWriter } from "../log/log-writer.ts";
import { EMPTY_MANIFEST, type Manifest, readManifest, writeManifest } from "../file/manifest.ts";
import { mergeSegments } from "../file/merge-segments.ts";
import { rebuildManifest } from "../file/rebuild-manifest.ts";
import { openSegment } from "../file/segment-file.ts";
import { type VerifyReport, verifyDirectory } from "./verify-directory.ts";

const DIRECTORY = "/data";
const FOLDER = `${DIRECTORY}/segments`;
const MANIFEST = `${DIRECTORY}/MANIFEST`;
const MERGED = "000000000001-000000000003.segment";
const SINGLE = "000000000004-000000000004.segment";

/** Two files, three blocks and one, and a log of five records of which three are in files. */
async function makeDirectory(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const plans = [1, 2, 3, 4].map((id) => ({ id, rows: 20, traces: 4, tracesFrom: id }));
  const [one, two, three, four] = await writeFiles(disk, FOLDER, plans);
  const merged = await mergeSegments(disk, FOLDER, [one!, two!, three!]);
  const files = [merged, four!];
  const log = { sequence: 3, rows: 2 };
  await writeManifest(disk, DIRECTORY, { ...EMPTY_MANIFEST, nextBlock: 5, log, files });
  for (const { name } of [one!, two!, three!]) await disk.remove(`${FOLDER}/${name}`);
  const directory = `${DIRECTORY}/log`;
  const options = { directory, files: disk, durability: "disk", fileBytesMax: 100 } as const;
  const writer = new LogWriter(options, [], 0);
  for (let number = 1; number <= 5; number++)
    await writer.append(1, new Uint8Array(60).fill(number));
  await writer.close();
  return disk;
}

function verify(disk: SimulatedDisk, repair = false): Promise<VerifyReport> {
  const countSpans = (_format: number, payload: Uint8Array): number => payload[0]!;
  return verifyDirectory({ files: disk, directory: DIRECTORY, repair, countSpans });
}

async function flip(disk: SimulatedDisk, path: string, at: number): Promise<void> {
  const size = await disk.size(path);
  disk.damage(path, (bytes) => {
    bytes[at < 0 ? size + at : at]! ^= 0x10;
    return bytes;
  });
}

test("verifyDirectory() finds nothing wrong with a whole directory, and changes nothing", async () => {
  const disk = await makeDirectory();
  const before = disk.operations;
  for (const repair of [false, true]) {
    const report = await verify(disk, repair);
    assert.deepEqual([report.problems, report.notes, report.repairs], [[], [], []]);
    const { bytes, ...counts } = report.checked;
    assert.deepEqual(counts, {
      files: 2,
      blocks: 4,
      spans: 80,
      archived: 0,
      records: 5,
      recordSpans: 4 - 2 + 5,
    });
    assert.ok(bytes > 5 * 84);
  }
  assert.equal(disk.operations, before);
  assert.equal(disk.openSources, 0);
});

test("verifyDirectory() finds any changed byte of a file, and says in which file", async () => {
  const { length } = await (await makeDirectory()).read(`${FOLDER}/${MERGED}`);
  for (let at = 0; at < length; at += 127) {
    const disk = await makeDirectory();
    await flip(disk, `${FOLDER}/${MERGED}`, at);
    const { problems, lostSpans } = await verify(disk);
    assert.ok(problems.length > 0, `byte ${at}`);
    for (const { file } of problems) assert.equal(file, `segments/${MERGED}`);
    assert.ok([0, 20, 60].includes(lostSpans), `byte ${at}: ${lostSpans} lost`);
  }
});

/** What a damage is reported as, and what is left of it. */
const damages: readonly {
  readonly what: string;
  readonly damage: (disk: SimulatedDisk) => Promise<void>;
  readonly problem: RegExp;
  readonly lostSpans: number;
  readonly blocksLeft: readonly number[];
  readonly aside: readonly string[];
}[] = [
  {
    what: "a page of the middle block",
    damage: async (disk) => {
      const file = openSegment(disk.openSource(`${FOLDER}/${MERGED}`), new PageCache(0));
      await flip(disk, `${FOLDER}/${MERGED}`, file.blocks[1]!.offset + 40);
    },
    problem: /^segments\/0{11}1-0{11}3\.segment .*checksum.* [0-9]+ sharedTexts$/,
    lostSpans: 20,
    blocksLeft: [1, 3, 4],
    aside: [MERGED],
  },
  {
    what: "the first block",
    damage: (disk) => flip(disk, `${FOLDER}/${MERGED}`, 60),
    problem: /^segments\/.*checksum/,
    lostSpans: 20,
    blocksLeft: [2, 3, 4],
    aside: [MERGED],
  },
  {
    what: "a page of the index",
    damage: async (disk) => {
      const file = openSegment(disk.openSource(`${FOLDER}/${MERGED}`), new PageCache(0));
      await flip(disk, `${FOLDER}/${MERGED}`, file.index.offsetOf(0) + 20);
    },
    problem: /a page of its index [0-9]+ traceIndex$/,
    lostSpans: 0,
    blocksLeft: [1, 2, 3, 4],
    aside: [MERGED],
  },
  {
    what: "a file's footer",
    damage: (disk) => flip(disk, `${FOLDER}/${SINGLE}`, -20),
    problem: /^segments\/0{11}4-.*the footer's checksum is wrong [0-9]+ footer$/,
    lostSpans: 20,
    blocksLeft: [1, 2, 3],
    aside: [SINGLE],
  },
  {
    what: "a missing file",
    damage: (disk) => disk.remove(`${FOLDER}/${MERGED}`),
    problem: /^segments\/.* the file is missing/,
    lostSpans: 60,
    blocksLeft: [4],
    aside: [],
  },
  {
    what: "the manifest",
    damage: (disk) => flip(disk, MANIFEST, 40),
    problem: /^MANIFEST damaged manifest: its checksum is wrong/,
    lostSpans: 0,
    blocksLeft: [1, 2, 3, 4],
    aside: ["MANIFEST"],
  },
  {
    what: "no manifest",
    damage: (disk) => disk.remove(MANIFEST),
    problem: /^MANIFEST there are files, but no manifest/,
    lostSpans: 0,
    blocksLeft: [1, 2, 3, 4],
    aside: [],
  },
  {
    what: "a record of the log",
    damage: (disk) => flip(disk, `${DIRECTORY}/log/0000000000000001.log`, 30),
    problem: /^log\/0{15}1\.log 84 bytes do not read 24/,
    lostSpans: 0,
    blocksLeft: [1, 2, 3, 4],
    aside: ["0000000000000001.log"],
  },
  {
    what: "the header of a file of the log",
    damage: (disk) => flip(disk, `${DIRECTORY}/log/0000000000000003.log`, 3),
    problem: /^log\/0{15}3\.log 24 bytes do not read 0/,
    lostSpans: 0,
    blocksLeft: [1, 2, 3, 4],
    aside: ["0000000000000003.log"],
  },
];

for (const { what, damage, problem, lostSpans, blocksLeft, aside } of damages) {
  test(`verifyDirectory() reports and repairs ${what}`, async () => {
    const disk = await makeDirectory();
    await damage(disk);
    const before = disk.operations;
    const report = await verify(disk);
    assert.equal(disk.operations, before, "looking changes nothing");
    const lines = report.problems.map(({ file, what: found, offset, section }) =>
      [file, found, offset, section].filter((part) => part !== undefined).join(" "),
    );
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines[0]!, problem);
    assert.equal(report.lostSpans, lostSpans);
    assert.ok((await verify(disk, true)).repairs.length > 0);
    const after = await verify(disk);
    assert.deepEqual([after.problems, after.lostSpans], [[], 0]);
    const { files } = (await readManifest(disk, DIRECTORY))!;
    const blocks = files.flatMap(({ name }) => {
      const file = openSegment(disk.openSource(`${FOLDER}/${name}`), new PageCache(0));
      printSegment(file);
      return file.blocks.map(({ id }) => id);
    });
    assert.deepEqual(blocks, blocksLeft);
    assert.deepEqual(await disk.list(`${DIRECTORY}/aside`), aside);
    assert.equal(after.checked.records, what.startsWith("a record") ? 4 : 5);
  });
}

test("verifyDirectory() says what is left over, and what is no data directory", async () => {
  const disk = await makeDirectory();
  await writeFiles(disk, FOLDER, [{ id: 9, rows: 5, traces: 2 }]);
  const { problems, notes } = await verify(disk);
  assert.deepEqual(problems, []);
  assert.deepEqual(notes, [
    "segments/000000000009-000000000009.segment is left over: nothing refers to it",
  ]);
  const empty = new SimulatedDisk();
  await assert.rejects(verify(empty), { code: "bad-input", message: /no data directory/ });
});

test("verifyDirectory() refuses what a later version wrote, and repairs nothing of it", async () => {
  const disk = await makeDirectory();
  const body = Buffer.from("spoor manifest 2\nwhatever\n");
  const sealed = Buffer.concat([
    body,
    Buffer.from(`end ${crc32(body).toString(16).padStart(8, "0")}\n`),
  ]);
  disk.damage(MANIFEST, () => Uint8Array.from(sealed));
  await assert.rejects(verify(disk, true), { code: "unsupported" });
  assert.deepEqual(Buffer.from(await disk.read(MANIFEST)), sealed);
});

test("rebuildManifest() takes the widest whole files, and the log's position from the newest", async () => {
  const disk = await makeDirectory();
  const [two, five] = await writeFiles(disk, FOLDER, [
    { id: 2, rows: 20, traces: 4 },
    { id: 5, rows: 20, traces: 4 },
  ]);
  const first = await rebuildManifest(disk, DIRECTORY);
  const namesOf = ({ files }: Manifest): string[] => files.map(({ name }) => name);
  assert.deepEqual(namesOf(first.manifest), [MERGED, SINGLE, five!.name]);
  assert.deepEqual(first.replaced, [two!.name]);
  assert.deepEqual([first.manifest.nextBlock, first.manifest.log], [6, five!.log]);
  for (const name of [MERGED, five!.name]) await flip(disk, `${FOLDER}/${name}`, -30);
  const second = await rebuildManifest(disk, DIRECTORY);
  assert.deepEqual(namesOf(second.manifest), [two!.name, SINGLE]);
  assert.deepEqual(second.manifest.log, { sequence: 40, rows: 1 });
  assert.deepEqual(
    second.damaged.map(({ name }) => name),
    [MERGED, five!.name],
  );
});
