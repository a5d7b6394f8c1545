// `spoor verify`: what it prints, how it ends, and that it leaves a directory alone that is in use.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { writeFiles } from "../../test/store/segment-files.ts";
import { diskFiles } from "../store/disk/files.ts";
import { lockDirectory } from "../store/segment/directory-lock.ts";
import { EMPTY_MANIFEST, writeManifest } from "../store/file/manifest.ts";
import { runCommand } from "./run-command.ts";

const folders: string[] = [];
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "spoor-verify-"));
  folders.push(directory);
  await mkdir(join(directory, "segments"));
  const files = await writeFiles(diskFiles, join(directory, "segments"), [
    { id: 1, rows: 30, traces: 3 },
  ]);
  await writeManifest(diskFiles, directory, { ...EMPTY_MANIFEST, nextBlock: 2, files });
  return directory;
}

async function verify(
  ...argv: readonly string[]
): Promise<{ code: number; printed: string; complained: string }> {
  let [printed, complained] = ["", ""];
  const process = {
    stdout: { write: (text: string) => void (printed += text) },
    stderr: { write: (text: string) => void (complained += text) },
    on: () => undefined,
    exit: () => undefined,
    execPath: "",
    argv: [],
  };
  const code = await runCommand({ argv: ["verify", ...argv], env: {}, process });
  return { code, printed, complained };
}

test("spoor verify says that nothing is wrong", async () => {
  const directory = await makeDirectory();
  const { code, printed, complained } = await verify(directory);
  assert.deepEqual([code, complained], [0, ""]);
  assert.match(printed, /^checked [0-9.]+ KiB: 1 file with 1 block and 30 spans, 0 records/);
  assert.match(printed, /\nnothing is wrong\n$/);
  assert.deepEqual((await readdir(directory)).sort(), ["MANIFEST", "segments"]);
});

test("spoor verify says what is wrong, and --repair mends it", async () => {
  const directory = await makeDirectory();
  const path = join(directory, "segments", "000000000001-000000000001.segment");
  const file = await open(path, "r+");
  await file.write(Uint8Array.of(1, 2, 3), 0, 3, 100);
  await file.close();
  const found = await verify(directory);
  assert.equal(found.code, 1);
  assert.match(
    found.printed,
    /\nwrong: segments\/0.*checksum.*\(offset [0-9]+, section .*30 spans lost\)/,
  );
  assert.match(found.printed, /\n1 problem; at least 30 spans are lost\nto mend .* --repair\n$/);
  const mended = await verify("--repair", directory);
  assert.equal(mended.code, 1);
  assert.match(mended.printed, /\nrepaired: segments\/.* was moved to aside\//);
  assert.equal((await verify(directory)).code, 0);
});

const wrong: readonly (readonly [argv: readonly string[], said: RegExp])[] = [
  [[], /0 words; expected spoor verify DIR/],
  [["a", "b"], /2 words; expected spoor verify DIR/],
  [["/nowhere/at/all"], /is no data directory/],
  [["--repiar", "x"], /unknown flag --repiar/],
];
for (const [argv, said] of wrong) {
  test(`spoor verify ${argv.join(" ")} is refused in one line`, async () => {
    const { code, printed, complained } = await verify(...argv);
    assert.deepEqual([code, printed], [1, ""]);
    assert.match(complained, said);
    assert.equal(complained.split("\n").length, 2);
  });
}

test("spoor verify refuses a directory that a process has open", async () => {
  const directory = await makeDirectory();
  await writeFile(join(directory, "LOCK"), "");
  const lock = await lockDirectory(directory);
  const { code, complained } = await verify(directory);
  lock.release();
  assert.equal(code, 1);
  assert.match(complained, /another process uses the data directory/);
  assert.equal((await verify(directory)).code, 0);
});
