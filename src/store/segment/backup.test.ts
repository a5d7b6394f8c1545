// A copy that is made while the store is written to: whole, and with every span that was acknowledged.

import assert from "node:assert/strict";
import { test } from "node:test";
import { writeFiles } from "../../../test/store/segment-files.ts";
import { SimulatedDisk } from "../../../test/store/simulated-disk.ts";
import { makeRandom } from "../../../test/store/corpus.ts";
import { SpoorError } from "../../base/errors.ts";
import { LogWriter } from "../log/log-writer.ts";
import { type BackupFigures, type StoreState, backupFolder, makeBackup } from "./backup.ts";
import { EMPTY_MANIFEST, writeManifest } from "../file/manifest.ts";
import { mergeSegments } from "../file/merge-segments.ts";
import type { SegmentFigures } from "../file/segment-file.ts";
import { verifyDirectory } from "./verify-directory.ts";

const DIRECTORY = "/data";
const COPY = `${DIRECTORY}/backups/one`;

interface Store {
  readonly disk: SimulatedDisk;
  readonly files: SegmentFigures[];
  readonly log: LogWriter;
  state(): StoreState;
}

/** Two files, and a log with a complete file and one that is written to. */
async function makeStore(): Promise<Store> {
  const disk = new SimulatedDisk();
  const plans = [1, 2].map((id) => ({ id, rows: 20, traces: 4 }));
  const files = await writeFiles(disk, `${DIRECTORY}/segments`, plans);
  const directory = `${DIRECTORY}/log`;
  const log = new LogWriter(
    { directory, files: disk, durability: "disk", fileBytesMax: 100 },
    [],
    0,
  );
  for (let number = 1; number <= 3; number++) await log.append(1, new Uint8Array(40).fill(number));
  const manifestOf = (): StoreState["manifest"] => ({ ...EMPTY_MANIFEST, nextBlock: 3, files });
  await writeManifest(disk, DIRECTORY, manifestOf());
  return { disk, files, log, state: () => ({ manifest: manifestOf(), log: log.state() }) };
}

function backup(store: Store, name = "one"): Promise<BackupFigures> {
  return makeBackup(store.disk, DIRECTORY, backupFolder(DIRECTORY, name), () => store.state());
}

async function check(disk: SimulatedDisk): Promise<{ spans: number; records: number }> {
  const report = await verifyDirectory({ files: disk, directory: COPY, repair: false });
  assert.deepEqual([report.problems, report.notes], [[], []]);
  return report.checked;
}

test("makeBackup() copies files and the acknowledged end of the log", async () => {
  const store = await makeStore();
  const waiting = store.log.append(1, new Uint8Array(40));
  const figures = await backup(store);
  await waiting;
  await store.log.append(1, new Uint8Array(40));
  assert.equal(figures.path, COPY);
  assert.equal(figures.spans, 40);
  const { spans, records } = await check(store.disk);
  assert.deepEqual([spans, records], [40, 3]);
  await assert.rejects(backup(store), { code: "bad-input", message: /there is a backup/ });
  await backup(store, "two");
});

test("makeBackup() keeps what is removed afterwards, over a power cut too", async () => {
  const store = await makeStore();
  await backup(store);
  for (const { name } of store.files) await store.disk.remove(`${DIRECTORY}/segments/${name}`);
  await store.log.cut(100);
  await check(store.disk);
  for (let seed = 1; seed < 20; seed++) await check(store.disk.afterPowerCut(makeRandom(seed)));
});

test("makeBackup() tries again when files are merged under it", async () => {
  const store = await makeStore();
  let looks = 0;
  const figures = await makeBackup(store.disk, DIRECTORY, COPY, () => {
    looks++;
    const state = store.state();
    if (looks === 1) {
      void (async () => {
        const merged = await mergeSegments(store.disk, `${DIRECTORY}/segments`, store.files);
        for (const { name } of store.files.splice(0, 2, merged)) {
          await store.disk.remove(`${DIRECTORY}/segments/${name}`);
        }
      })();
      // What it saw is gone before it links: the log's file of this name was cut.
      return { ...state, log: [{ name: "0000000000000000.log", bytes: 24, isComplete: true }] };
    }
    return state;
  });
  assert.equal(looks, 2);
  assert.equal(figures.spans, 40);
  await check(store.disk);
});

test("makeBackup() that fails leaves nothing behind but folders", async () => {
  let failures = 0;
  for (let at = 0; at < 30; at++) {
    const store = await makeStore();
    store.disk.faults.set(store.disk.operations + at, "ENOSPC");
    const made = await backup(store).catch((error: unknown) => {
      assert.ok(error instanceof SpoorError && error.code === "unavailable", String(error));
      return undefined;
    });
    if (made === undefined) {
      for (const folder of ["", "/segments", "/log"]) {
        assert.deepEqual(await store.disk.list(`${COPY}${folder}`), [], `fault at ${at}`);
      }
      failures++;
      await backup(store);
    }
    await check(store.disk);
  }
  assert.ok(failures > 10, `${failures} failures`);
});

for (const name of ["", "..", "../x", "a/b", ".hidden", "x".repeat(101), "a b"]) {
  test(`backupFolder() refuses the name ${JSON.stringify(name.slice(0, 20))}`, () => {
    assert.throws(() => backupFolder(DIRECTORY, name), { code: "bad-input" });
  });
}
