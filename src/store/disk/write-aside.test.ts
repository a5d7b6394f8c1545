// A file is there whole or not at all, wherever writing it stops.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRandom } from "../../../test/store/corpus.ts";
import { SimulatedDisk } from "../../../test/store/simulated-disk.ts";
import { writeAll, writeAside } from "./write-aside.ts";

const PATH = "/folder/name";

function write(disk: SimulatedDisk, text: string): Promise<void> {
  return writeAside(disk, "/folder", "name", async (append) => {
    for (const letter of text) await append([Buffer.from(letter.repeat(300)), new Uint8Array(0)]);
  });
}

async function textOf(disk: SimulatedDisk): Promise<string> {
  const text = Buffer.from(await disk.read(PATH)).toString();
  return text.replaceAll(/(.)\1{299}/g, "$1");
}

test("writeAside() puts the new file in the place of the old one", async () => {
  const disk = new SimulatedDisk();
  await write(disk, "abc");
  await write(disk, "de");
  assert.equal(await textOf(disk), "de");
  assert.deepEqual(await disk.list("/folder"), ["name"]);
  assert.equal(await textOf(disk.afterPowerCut(makeRandom(1))), "de");
});

test("writeAside() leaves the old file or the new one when the power is cut", async () => {
  const seen = new Set<string>();
  for (let cutAt = 0, isDone = false; !isDone; cutAt++) {
    const disk = new SimulatedDisk();
    await write(disk, "old");
    disk.cutAt = disk.operations + cutAt;
    void write(disk, "new").then(() => (isDone = true));
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    for (let seed = 0; seed < 20; seed++) {
      const after = disk.afterPowerCut(makeRandom(seed));
      const text = await textOf(after);
      assert.ok(isDone ? text === "new" : text === "old" || text === "new", text);
      seen.add(text);
      await write(after, "next");
      assert.equal(await textOf(after), "next");
    }
  }
  assert.equal(seen.size, 2);
});

for (const fault of ["EIO", "ENOSPC", "short"] as const) {
  test(`writeAside() leaves nothing aside after ${fault} at any operation`, async () => {
    for (let at = 0; at < 8; at++) {
      const disk = new SimulatedDisk();
      await write(disk, "old");
      disk.faults.set(disk.operations + at, fault);
      const isDone = await write(disk, "new").then(
        () => true,
        () => false,
      );
      if (fault === "short") assert.ok(isDone);
      assert.deepEqual(await disk.list("/folder"), ["name"], `fault at ${at}`);
      assert.ok(["old", "new"].includes(await textOf(disk)));
    }
  });
}

test("writeAll() goes on where the disk stopped, and gives up when it takes nothing", async () => {
  const disk = new SimulatedDisk();
  const file = await disk.create(PATH);
  for (let at = 1; at < 6; at++) disk.faults.set(at, "short");
  const pieces = ["abc", "", "defghij", "k"].map((text) => Buffer.from(text));
  assert.equal(await writeAll(disk, file, pieces, 2), 11);
  assert.equal(Buffer.from(await disk.read(PATH)).toString(), "\0\0abcdefghijk");
  const stuck = Object.create(disk) as SimulatedDisk;
  stuck.write = () => Promise.resolve(0);
  await assert.rejects(writeAll(stuck, file, pieces, 0), /took no bytes/);
});
