// The calls to the file system, on a real disk.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { diskFiles } from "./files.ts";

const folder = await mkdtemp(join(tmpdir(), "spoor-files-"));
after(() => rm(folder, { recursive: true, force: true }));

test("diskFiles.openSource() reads exactly what it is asked for", async () => {
  const path = join(folder, "source");
  await writeFile(
    path,
    Uint8Array.from({ length: 1_000 }, (_, i) => i),
  );
  const source = diskFiles.openSource(path);
  assert.equal(source.bytes, 1_000);
  const one = source.read(10, 4);
  const two = source.read(12, 4);
  assert.deepEqual([...one, ...two], [10, 11, 12, 13, 12, 13, 14, 15]);
  one[2] = 99;
  assert.equal(two[0], 12, "each stretch is the caller's own");
  assert.equal(one.constructor, Uint8Array);
  assert.equal(source.read(1_000, 0).length, 0);
  for (const [offset, length] of [
    [999, 2],
    [-1, 1],
    [0, -1],
    [2_000, 1],
  ] as const) {
    assert.throws(() => source.read(offset, length), {
      code: "unavailable",
      where: { offset, length, bytes: 1_000 },
    });
  }
  await writeFile(path, "short");
  assert.throws(() => source.read(3, 4), { code: "unavailable", where: { offset: 5, bytes: 2 } });
  source.close();
  source.close();
  assert.throws(() => source.read(0, 1), /bug/);
});

test("diskFiles.openSource() says why a file cannot be opened", () => {
  assert.throws(() => diskFiles.openSource(join(folder, "nothing")), {
    code: "unavailable",
    where: { cause: "ENOENT" },
  });
});

test("diskFiles.link() gives a file a second name", async () => {
  const [from, to] = [join(folder, "from"), join(folder, "to")];
  await writeFile(from, "content");
  await diskFiles.link(from, to);
  await diskFiles.remove(from);
  assert.equal(await diskFiles.size(to), 7);
  await writeFile(from, "other");
  await assert.rejects(diskFiles.link(from, to), { code: "EEXIST" });
});
