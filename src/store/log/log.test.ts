// The log on a disk that fails: what was acknowledged is read back once and in order, whatever happens.

import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { makeRandom } from "../../../test/store/corpus.ts";
import { SimulatedDisk } from "../../../test/store/simulated-disk.ts";
import { type DiskFiles, diskFiles } from "../disk/files.ts";
import { LogWriter } from "./log-writer.ts";
import { openLog } from "./open-log.ts";
import { type LogFindings, readLog } from "./read-log.ts";

const DIRECTORY = "/log";

function payloadOf(number: number, bytes = 40): Uint8Array {
  return Buffer.from(String(number).padEnd(bytes, String.fromCharCode(97 + (number % 26))));
}

function numberOf(payload: Uint8Array): number {
  return Number(/^\d+/.exec(Buffer.from(payload).toString("latin1"))![0]);
}

interface Readback {
  readonly numbers: number[];
  readonly findings: LogFindings;
}

async function readBack(files: DiskFiles, directory = DIRECTORY): Promise<Readback> {
  const numbers: number[] = [];
  const findings = await readLog(directory, files, (format, payload) => {
    assert.equal(format, 7);
    numbers.push(numberOf(payload));
  });
  return { numbers, findings };
}

function makeWriter(files: DiskFiles, fileBytesMax = 400, directory = DIRECTORY): LogWriter {
  return new LogWriter({ directory, files, durability: "disk", fileBytesMax }, [], 0);
}

test("LogWriter appends, begins new files, and readLog() gives the records back in order", async () => {
  const disk = new SimulatedDisk();
  const writer = makeWriter(disk);
  for (let number = 1; number <= 30; number++) await writer.append(7, payloadOf(number));
  await writer.close();
  const { numbers, findings } = await readBack(disk);
  assert.deepEqual(
    numbers,
    Array.from({ length: 30 }, (_, index) => index + 1),
  );
  assert.equal(findings.lastSequence, 30);
  assert.ok(findings.files.length > 3);
  assert.deepEqual([findings.tornBytes, findings.damagedParts], [0, 0]);
  await assert.rejects(writer.append(7, payloadOf(31)), { code: "unavailable" });
});

test("LogWriter writes what comes during a sync as one group", async () => {
  const disk = new SimulatedDisk();
  const writer = makeWriter(disk, 1e9);
  await writer.append(7, payloadOf(1));
  const before = disk.operations;
  const first = writer.append(7, payloadOf(2));
  await Promise.resolve();
  await Promise.resolve();
  const others = Array.from({ length: 50 }, (_, index) => writer.append(7, payloadOf(3 + index)));
  await Promise.all([first, ...others]);
  // Two groups, each one write and one sync.
  assert.equal(disk.operations - before, 4);
  assert.equal((await readBack(disk)).numbers.length, 52);
});

test("LogWriter.cut() removes the files that are wholly below", async () => {
  const disk = new SimulatedDisk();
  const writer = makeWriter(disk);
  for (let number = 1; number <= 30; number++) await writer.append(7, payloadOf(number));
  const bytes = writer.bytes();
  await writer.cut(20);
  assert.ok(writer.bytes() < bytes);
  const { numbers } = await readBack(disk);
  assert.ok(numbers[0]! <= 20 && numbers[0]! > 10, `begins at ${numbers[0]}`);
  assert.equal(numbers.at(-1), 30);
  await writer.append(7, payloadOf(31));
  await writer.close();
});

test("LogWriter.rest() leaves the log as it is to be written to, also before the first record", async () => {
  const disk = new SimulatedDisk();
  const writer = makeWriter(disk);
  await writer.rest();
  await writer.append(7, payloadOf(1));
  await writer.rest();
  await writer.rest();
  const resting = writer.rest();
  const appended = writer.append(7, payloadOf(2));
  await resting;
  await appended;
  await writer.close();
  assert.deepEqual((await readBack(disk)).numbers, [1, 2]);
});

test("LogWriter writes no file again that a backup may have linked", async () => {
  const disk = new SimulatedDisk();
  const writer = makeWriter(disk);
  for (let number = 1; number <= 30; number++) await writer.append(7, payloadOf(number));
  const files = writer.state().filter(({ isComplete }) => isComplete);
  await writer.cut(30);
  assert.ok(files.length > 2);
  for (let number = 31; number <= 60; number++) await writer.append(7, payloadOf(number));
  assert.deepEqual(
    (await disk.list(DIRECTORY)).filter((name) => name.startsWith("spare-")),
    [],
  );
  await writer.cut(55);
  const names = await disk.list(DIRECTORY);
  assert.ok(
    names.some((name) => name.startsWith("spare-")),
    names.join(),
  );
  await writer.close();
});

/**
 * Appends from several sides until the disk stops; returns what was acknowledged.
 *
 * @param keep cuts the log behind all but so many records, and forgets those.
 */
async function appendUntilItStops(
  disk: SimulatedDisk,
  count: number,
  keep = Infinity,
): Promise<Set<number>> {
  const writer = makeWriter(disk);
  const acknowledged = new Set<number>();
  const append = async (number: number): Promise<void> => {
    try {
      await writer.append(7, payloadOf(number, 20 + ((number * 37) % 700)));
      acknowledged.add(number);
    } catch {
      // Refused: its sender knows.
    }
  };
  for (let number = 1; number <= count; number += 3) {
    const group = Promise.all([append(number), append(number + 1), append(number + 2)]);
    // When the power is gone, nothing settles any more: the turn of the event loop goes on without.
    await Promise.race([group, nextTurn().then(() => nextTurn())]);
    if (disk.operations > disk.cutAt) break;
    if (number <= keep) continue;
    for (let old = number - keep - 3; old < number - keep; old++) acknowledged.delete(old);
    const cut = writer.cut(number - keep).catch(() => undefined);
    await Promise.race([cut, nextTurn().then(() => nextTurn())]);
    if (disk.operations > disk.cutAt) break;
  }
  return acknowledged;
}

test("whatever was acknowledged survives a power cut before every operation", async () => {
  const whole = new SimulatedDisk();
  await appendUntilItStops(whole, 30);
  for (let cutAt = 0; cutAt < whole.operations; cutAt++) {
    for (let seed = 1; seed <= 8; seed++) {
      const disk = new SimulatedDisk();
      disk.cutAt = cutAt;
      const acknowledged = await appendUntilItStops(disk, 30);
      const { numbers } = await readBack(disk.afterPowerCut(makeRandom(seed * 1_000 + cutAt)));
      const found = new Set(numbers);
      assert.equal(found.size, numbers.length, "each record once");
      assert.deepEqual(
        numbers,
        numbers.toSorted((one, two) => one - two),
      );
      for (const number of acknowledged) {
        assert.ok(found.has(number), `cut at ${cutAt}, seed ${seed}: ${number} is lost`);
      }
    }
  }
});

test("files that are written again lose nothing, and give nothing back that was cut", async () => {
  const whole = new SimulatedDisk();
  await appendUntilItStops(whole, 60, 6);
  const names = await whole.list(DIRECTORY);
  assert.ok(
    names.some((name) => name.startsWith("spare-")),
    names.join(),
  );
  for (let cutAt = 0; cutAt < whole.operations; cutAt++) {
    for (let seed = 1; seed <= 4; seed++) {
      const disk = new SimulatedDisk();
      disk.cutAt = cutAt;
      const acknowledged = await appendUntilItStops(disk, 60, 6);
      const after = disk.afterPowerCut(makeRandom(seed * 1_000 + cutAt));
      const { numbers } = await readBack(after);
      const rising = numbers.every((number, at) => at === 0 || number > numbers[at - 1]!);
      assert.ok(rising, numbers.join());
      const found = new Set(numbers);
      for (const number of acknowledged) {
        assert.ok(found.has(number), `cut at ${cutAt}, seed ${seed}: ${number} is lost`);
      }
    }
  }
});

for (const fault of ["ENOSPC", "EIO", "short"] as const) {
  test(`${fault} of any operation loses nothing that was acknowledged, and writing goes on`, async () => {
    const whole = new SimulatedDisk();
    const all = await appendUntilItStops(whole, 30);
    assert.equal(all.size, 30);
    for (let at = 0; at < whole.operations; at++) {
      const disk = new SimulatedDisk();
      disk.faults.set(at, fault);
      const acknowledged = await appendUntilItStops(disk, 30);
      const { numbers } = await readBack(disk);
      const found = new Set(numbers);
      assert.equal(found.size, numbers.length, "each record once");
      for (const number of acknowledged) assert.ok(found.has(number), `${number} at ${at}`);
      assert.ok(acknowledged.size >= 24, `${acknowledged.size} after a fault at ${at}`);
      if (fault === "short") assert.equal(acknowledged.size, 30);
    }
  });
}

async function writtenDisk(): Promise<{ disk: SimulatedDisk; path: string; bytes: number }> {
  const disk = new SimulatedDisk();
  const writer = makeWriter(disk, 1e9);
  for (let number = 1; number <= 6; number++) await writer.append(7, payloadOf(number));
  await writer.close();
  const { findings } = await readBack(disk);
  const [file] = findings.files;
  return { disk, path: join(DIRECTORY, file!.name), bytes: file!.bytes };
}

test("readLog() steps over any flipped byte, keeps it aside, and gives the other records", async () => {
  const { bytes } = await writtenDisk();
  for (let at = 0; at < bytes; at++) {
    const { disk, path } = await writtenDisk();
    disk.damage(path, (content) => {
      content[at]! ^= 0x41;
      return content;
    });
    const { numbers, findings } = await readBack(disk);
    assert.ok(numbers.length >= 5, `byte ${at}: ${numbers.length} records`);
    for (const number of numbers) assert.ok(number >= 1 && number <= 6);
    const isInLast = at >= bytes - 64;
    if (isInLast) assert.ok(findings.tornBytes > 0, `byte ${at}`);
    else assert.equal(findings.damagedParts, 1, `byte ${at}`);
  }
});

test("readLog() cuts a file of any length at its last whole record", async () => {
  const { bytes } = await writtenDisk();
  for (let length = 0; length < bytes; length++) {
    const { disk, path } = await writtenDisk();
    disk.damage(path, (content) => content.slice(0, length));
    const { numbers } = await readBack(disk);
    assert.equal(numbers.length, Math.max(0, Math.floor((length - 24) / 64)), `${length} bytes`);
  }
});

test("openLog() mends the end and goes on behind it, however often the power fails", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = makeRandom(seed);
    let disk = new SimulatedDisk();
    const acknowledged = new Set<number>();
    for (let start = 0; start < 5; start++) {
      const found: number[] = [];
      const options = { directory: DIRECTORY, files: disk, durability: "disk" } as const;
      const { log, findings } = await openLog({ ...options, fileBytesMax: 400 }, (_, payload) => {
        found.push(numberOf(payload));
      });
      assert.equal(new Set(found).size, found.length, "each record once");
      for (const number of acknowledged) assert.ok(found.includes(number), `${number} is lost`);
      assert.equal(findings.damagedParts, 0, "a torn end is not damage");
      disk.cutAt = disk.operations + Math.floor(random() * 30);
      for (let turn = 0; turn < 8; turn++) {
        const number = start * 100 + turn;
        const done = log.append(7, payloadOf(number)).then(() => acknowledged.add(number));
        await Promise.race([done, nextTurn()]);
      }
      disk = disk.afterPowerCut(random);
    }
  }
});

test("readLog() reads the file that docs/formats/log.md describes", async () => {
  const records: string[] = [];
  const golden = join(import.meta.dirname, "../../../test/golden/log");
  const findings = await readLog(golden, diskFiles, (format, payload, sequence) => {
    records.push(`${sequence} ${format} ${Buffer.from(payload).toString()}`);
  });
  assert.deepEqual(records, ["41 1 first", "43 6 third"]);
  assert.deepEqual([findings.tornBytes, findings.damagedParts], [0, 0]);
});

test("the log works on a real disk, and a second start goes on where the first ended", async () => {
  const directory = await mkdtemp(join(tmpdir(), "spoor-log-"));
  try {
    const writer = makeWriter(diskFiles, 4_000, directory);
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => writer.append(7, payloadOf(index + 1, 200))),
    );
    await writer.close();
    const { numbers, findings } = await readBack(diskFiles, directory);
    assert.equal(numbers.length, 100);
    const options = {
      directory,
      files: diskFiles,
      durability: "disk",
      fileBytesMax: 4_000,
    } as const;
    const second = new LogWriter(options, findings.files, findings.lastSequence);
    await second.append(7, payloadOf(101));
    await second.cut(50);
    await second.close();
    const again = await readBack(diskFiles, directory);
    assert.equal(again.numbers.at(-1), 101);
    const [first] = (await readdir(directory)).sort();
    assert.equal((await readFile(join(directory, first!))).subarray(0, 8).toString(), "SPOORLOG");
  } finally {
    await rm(directory, { recursive: true });
  }
});
