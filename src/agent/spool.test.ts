// The spool on disks that fail: what was put and not shifted is found again, in order, whatever happens.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { makeRandom } from "../../test/store/corpus.ts";
import { SimulatedDisk } from "../../test/store/simulated-disk.ts";
import { logFileName } from "../store/log/read-log.ts";
import type { Parcel } from "./parcel.ts";
import { openSpool, type Spool, type SpoolOptions } from "./spool.ts";

const DIRECTORY = "/spool";

function parcelOf(number: number, bytes = 60): Parcel {
  const payload = Buffer.from(
    String(number).padEnd(bytes, String.fromCharCode(97 + (number % 26))),
  );
  return { payload, spans: number, services: [[`service-${number % 3}`, number]] };
}

function numberOf({ payload, spans, services }: Parcel): number {
  const number = Number.parseInt(Buffer.from(payload).toString("latin1"), 10);
  assert.equal(spans, number);
  assert.deepEqual(services, [[`service-${number % 3}`, number]]);
  return number;
}

function open(files: SimulatedDisk, options: Partial<SpoolOptions> = {}): Promise<Spool> {
  const bytesMax = 64 * 1024;
  const all = { directory: DIRECTORY, files, bytesMax, durability: "disk", format: "jaeger-proto" };
  return openSpool({ ...all, ...options } as SpoolOptions);
}

async function shiftAll(spool: Spool, count = Infinity): Promise<number[]> {
  const numbers: number[] = [];
  for (let one = spool.peek(); one !== undefined && numbers.length < count; one = spool.peek()) {
    numbers.push(numberOf(one));
    await spool.shift();
  }
  return numbers;
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

async function putAll(spool: Spool, numbers: readonly number[], bytes?: number): Promise<void> {
  for (const number of numbers) await spool.put(parcelOf(number, bytes));
}

test("Spool gives parcels back in order, while more come", async () => {
  const spool = await open(new SimulatedDisk());
  await putAll(spool, range(1, 100), 500);
  assert.deepEqual(await shiftAll(spool, 50), range(1, 50));
  await putAll(spool, range(101, 110), 500);
  assert.equal(spool.waiting.parcels, 60);
  assert.deepEqual(await shiftAll(spool), range(51, 110));
  assert.equal(spool.peek(), undefined);
  // A trickle: empty again and again, in one file and over its end.
  for (const number of range(111, 200)) {
    await spool.put(parcelOf(number, 500));
    assert.deepEqual(await shiftAll(spool), [number]);
  }
  assert.deepEqual(spool.waiting, { parcels: 0, spans: 0 });
  assert.deepEqual(spool.damaged, { parcels: 0, spans: 0 });
  await spool.close();
});

test("Spool refuses what is beyond its bound, and takes more when files were cut", async () => {
  const spool = await open(new SimulatedDisk());
  let put = 0;
  const fill = async (): Promise<void> => {
    for (;;) {
      await spool.put(parcelOf(put + 1, 1_000));
      put++;
    }
  };
  await assert.rejects(fill(), { code: "overloaded" });
  assert.ok(spool.bytes() <= 64 * 1024);
  assert.ok(put > 50, `${put}`);
  const all = put;
  assert.deepEqual(await shiftAll(spool, 30), range(1, 30));
  await assert.rejects(fill(), { code: "overloaded" });
  assert.ok(put - all >= 15, `${put - all} after 30 were taken out`);
  assert.deepEqual(await shiftAll(spool), range(31, put));
});

test("openSpool() finds what was not shifted before the spool was closed, and nothing else", async () => {
  const disk = new SimulatedDisk();
  let spool = await open(disk);
  await putAll(spool, range(1, 100), 500);
  await shiftAll(spool, 41);
  await spool.close();
  spool = await open(disk);
  assert.deepEqual(spool.recovered, { parcels: 59, spans: range(42, 100).reduce((a, b) => a + b) });
  await putAll(spool, [101]);
  assert.deepEqual(await shiftAll(spool), range(42, 101));
  await spool.close();
  spool = await open(disk);
  assert.deepEqual(await shiftAll(spool), []);
});

test("openSpool() after a kill: the rest, and at most what was shifted since the last write", async () => {
  const disk = new SimulatedDisk();
  let spool = await open(disk);
  await putAll(spool, range(1, 100), 500);
  await shiftAll(spool, 70);
  // Nothing is closed: the process is gone.
  spool = await open(disk);
  const found = await shiftAll(spool);
  assert.deepEqual(found.slice(found.indexOf(71)), range(71, 100));
  assert.ok(found[0]! >= 69, `${found[0]}`);
});

test("openSpool() gives parcels of another format back as what they are", async () => {
  const disk = new SimulatedDisk();
  let spool = await open(disk);
  await putAll(spool, range(1, 3));
  await spool.close();
  spool = await open(disk, { format: "otlp-proto" });
  await putAll(spool, [4]);
  const formats: string[] = [];
  for (let one = spool.peek(); one !== undefined; one = spool.peek()) {
    formats.push(one.format);
    await spool.shift();
  }
  assert.deepEqual(formats, ["jaeger-proto", "jaeger-proto", "jaeger-proto", "otlp-proto"]);
});

test("Spool.divide() puts several in the place of one, also over a start", async () => {
  const disk = new SimulatedDisk();
  let spool = await open(disk);
  await putAll(spool, [9, 20]);
  await spool.close();
  spool = await open(disk, { format: "otlp-proto" });
  assert.equal(numberOf(spool.peek()!), 9);
  await spool.divide(range(2, 4).map((number) => parcelOf(number)));
  assert.deepEqual(spool.waiting, { parcels: 4, spans: 29 });
  assert.deepEqual(spool.recovered, { parcels: 4, spans: 29 });
  assert.deepEqual(await shiftAll(spool, 1), [2]);
  await spool.close();
  spool = await open(disk, { format: "otlp-proto" });
  const rest: (readonly [string, number])[] = [];
  for (let one = spool.peek(); one !== undefined; one = spool.peek()) {
    rest.push([one.format, numberOf(one)]);
    await spool.shift();
  }
  assert.deepEqual(rest, [
    ["jaeger-proto", 20],
    ["otlp-proto", 3],
    ["otlp-proto", 4],
  ]);
});

test("Spool.postpone() puts the first one behind all others", async () => {
  const disk = new SimulatedDisk();
  let spool = await open(disk);
  await putAll(spool, range(1, 3));
  spool.peek();
  await spool.postpone();
  assert.equal(spool.waiting.parcels, 3);
  await spool.close();
  spool = await open(disk);
  assert.deepEqual(await shiftAll(spool), [2, 3, 1]);
});

test("Spool.keepAside() keeps a spool of its own", async () => {
  const disk = new SimulatedDisk();
  let spool = await open(disk);
  await putAll(spool, range(1, 3));
  assert.equal(await spool.keepAside(spool.peek()!), true);
  assert.deepEqual(await shiftAll(spool), range(1, 3));
  await spool.close();
  spool = await open(disk, { directory: `${DIRECTORY}/set-aside` });
  assert.deepEqual(await shiftAll(spool), [1]);
});

test("Spool loses nothing that was put and comes in order when the power is cut at any operation", async () => {
  for (let cut = 0; cut < 400; cut++) {
    const disk = new SimulatedDisk();
    disk.cutAt = cut;
    const put = new Set<number>();
    const shifted = new Set<number>();
    const work = async (): Promise<void> => {
      const spool = await open(disk);
      for (const number of range(1, 60)) {
        await spool.put(parcelOf(number, 900));
        put.add(number);
        if (number % 3 === 0) continue;
        const [one] = await shiftAll(spool, 1);
        shifted.add(one!);
      }
      await spool.close();
    };
    const isOver = await Promise.race([work().then(() => true), settle().then(() => false)]);
    const after = disk.afterPowerCut(makeRandom(cut));
    const spool = await open(after);
    const found = await shiftAll(spool);
    assert.deepEqual(
      found,
      found.toSorted((a, b) => a - b),
    );
    const missing = [...put].filter((number) => !shifted.has(number) && !found.includes(number));
    assert.deepEqual(missing, [], `cut at ${cut}`);
    await spool.close();
    if (isOver) return;
  }
  assert.fail("the work is longer than that");
});

/** Until whatever can go on without the power has gone on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await nextTurn();
}

async function makeFullDisk(): Promise<{ disk: SimulatedDisk; path: string; bytes: Uint8Array }> {
  const disk = new SimulatedDisk();
  const spool = await open(disk);
  await putAll(spool, range(1, 5));
  await spool.close();
  const path = join(DIRECTORY, logFileName(1));
  return { disk, path, bytes: await disk.read(path) };
}

test("openSpool() steps over a byte that is wrong, wherever it is", async () => {
  const { bytes } = await makeFullDisk();
  for (let at = 0; at < bytes.length; at++) {
    const { disk, path } = await makeFullDisk();
    disk.damage(path, (own) => own.with(at, own[at]! ^ 0x5a));
    const spool = await open(disk);
    const found = await shiftAll(spool);
    assert.ok(found.length >= 4, `at ${at}: ${found.join()}`);
    assert.deepEqual(
      found,
      found.toSorted((a, b) => a - b),
    );
    assert.equal(spool.recovered.parcels, found.length);
  }
});

test("openSpool() finds every whole parcel of a file that is cut at any length", async () => {
  const { bytes } = await makeFullDisk();
  const record = (bytes.length - 24) / 5;
  for (let length = 0; length < bytes.length; length++) {
    const { disk, path } = await makeFullDisk();
    disk.damage(path, (own) => own.slice(0, length));
    const spool = await open(disk);
    const whole = Math.max(0, Math.floor((length - 24) / record));
    assert.deepEqual(await shiftAll(spool), range(1, whole));
    await spool.put(parcelOf(9));
    assert.deepEqual(await shiftAll(spool), [9]);
  }
});

test("openSpool() with any byte of `delivered` wrong, or cut at any length, gives all that is there", async () => {
  const make = async (): Promise<SimulatedDisk> => {
    const disk = new SimulatedDisk();
    const spool = await open(disk);
    await putAll(spool, range(1, 5));
    await shiftAll(spool, 2);
    await spool.close();
    return disk;
  };
  const path = join(DIRECTORY, "delivered");
  assert.deepEqual(await shiftAll(await open(await make())), range(3, 5));
  for (let at = 0; at < 16; at++) {
    for (const damage of [
      (own: Uint8Array) => own.with(at, own[at]! ^ 0x5a),
      (own: Uint8Array) => own.slice(0, at),
    ]) {
      const disk = await make();
      disk.damage(path, damage);
      assert.deepEqual(await shiftAll(await open(disk)), range(1, 5), `at ${at}`);
    }
  }
});

test("Spool counts what the disk does not give back, and goes on behind it", async () => {
  const disk = new SimulatedDisk();
  const spool = await open(disk);
  await putAll(spool, range(1, 30), 500);
  disk.damage(join(DIRECTORY, logFileName(1)), (own) => own.fill(0, 24, 1_500));
  const found = await shiftAll(spool);
  assert.deepEqual(found, range(31 - found.length, 30));
  assert.ok(found.length < 30);
  const lost = range(1, 30 - found.length);
  assert.deepEqual(spool.damaged, {
    parcels: lost.length,
    spans: lost.reduce((sum, number) => sum + number),
  });
  assert.deepEqual(spool.waiting, { parcels: 0, spans: 0 });
});

test("Spool takes nothing while the disk does not, and goes on when it does", async () => {
  const disk = new SimulatedDisk();
  const spool = await open(disk);
  await putAll(spool, [1]);
  disk.faults.set(disk.operations, "ENOSPC");
  await assert.rejects(spool.put(parcelOf(2)), { code: "unavailable" });
  await putAll(spool, [3]);
  assert.deepEqual(await shiftAll(spool), [1, 3]);
  assert.deepEqual(spool.waiting, { parcels: 0, spans: 0 });
});

test("the bytes of docs/formats/spool.md read as it says", async () => {
  const golden = join(import.meta.dirname, "../../test/golden/spool");
  const disk = new SimulatedDisk();
  for (const name of ["0000000000000001.log", "delivered"]) {
    const handle = await disk.create(join(DIRECTORY, name));
    await disk.write(handle, [await readFile(join(golden, name))], 0);
  }
  const spool = await open(disk);
  const { payload, spans, services } = spool.peek()!;
  assert.deepEqual([Buffer.from(payload).toString(), spans], ["second", 5]);
  assert.deepEqual(services, [
    ["frontend", 2],
    ["Bücher", 3],
  ]);
  await spool.shift();
  assert.equal(spool.peek(), undefined);
});
