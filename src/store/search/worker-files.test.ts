// Files in threads of their own: the same answers as in process, changes before questions, and threads
// that die.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeQuery, makeRandom, traceIdOf } from "../../../test/store/corpus.ts";
import { writeFiles } from "../../../test/store/segment-files.ts";
import { systemClock } from "../../base/clock.ts";
import { type Log, silentLog } from "../../base/log.ts";
import { printSpans } from "../../model/print-spans.ts";
import type { TraceQuery } from "../../model/trace-query.ts";
import { diskFiles } from "../disk/files.ts";
import type { Part } from "../part.ts";
import { openInlineFiles } from "./files-part.ts";
import { mergeSegments } from "../file/merge-segments.ts";
import type { SegmentFigures } from "../file/segment-file.ts";
import { openWorkerFiles } from "./worker-files.ts";

const never = new AbortController().signal;
const always = { startUsMin: 0, startUsMax: 2 ** 53 };
const everything: TraceQuery = { ...always, attributes: [], limit: 10_000 };
const fragile = new URL("../../../test/store/fragile-files-worker.ts", import.meta.url);
const folders: string[] = [];

after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function makeFolder(): Promise<{ directory: string; sources: SegmentFigures[] }> {
  const directory = await mkdtemp(join(tmpdir(), "spoor-files-"));
  folders.push(directory);
  const plans = [1, 2, 3, 4, 5].map((id) => ({ id, rows: 100, traces: 20, tracesFrom: 5 * id }));
  return { directory, sources: await writeFiles(diskFiles, directory, plans) };
}

function optionsOf(directory: string, log: Log = silentLog): Parameters<typeof openWorkerFiles>[0] {
  return { directory, disk: diskFiles, clock: systemClock, log };
}

/** Questions of every kind. */
async function askAll(part: Part): Promise<unknown[]> {
  const random = makeRandom(7);
  const answers: unknown[] = [];
  for (let n = 0; n < 30; n++) answers.push(await part.search(makeQuery(random), never));
  const ids = Array.from({ length: 50 }, (_, trace) => traceIdOf(trace));
  answers.push(await part.search(everything, never, ids.slice(5, 9)));
  const traces = await part.readTraces(ids, never);
  answers.push(traces.map((trace) => (trace === undefined ? undefined : printSpans(trace))));
  answers.push(await part.services(never), await part.operations("cart", undefined, never));
  const calls = await part.calls(always, never);
  answers.push(calls, await part.spanServices(calls.strangers, never));
  const keys = { ...always, prefix: "", limit: 100 };
  answers.push(await part.attributeKeys(keys, never));
  answers.push(await part.attributeValues({ ...keys, key: "user" }, never));
  return answers;
}

test("openWorkerFiles() answers as in process, with one thread and with several", async () => {
  const { directory, sources } = await makeFolder();
  const inline = openInlineFiles(optionsOf(directory));
  await inline.change(sources, []);
  for (const queryWorkers of [1, 2]) {
    const files = openWorkerFiles({ ...optionsOf(directory), queryWorkers });
    assert.deepEqual(await files.below(Infinity).services(never), []);
    // Not waited for: a question comes after what was changed before it.
    void files.change(sources, []);
    for (const boundary of [3, Infinity]) {
      const expected = await askAll(inline.below(boundary));
      const found = await Promise.all([
        askAll(files.below(boundary)),
        askAll(files.below(boundary)),
      ]);
      for (const answers of found) assert.deepEqual(answers, expected);
    }
    const merged = await mergeSegments(diskFiles, directory, sources.slice(0, 3));
    await files.change(
      [merged],
      sources.slice(0, 3).map(({ name }) => name),
    );
    assert.deepEqual(await askAll(files.below(3)), await askAll(inline.below(3)));
    await diskFiles.remove(join(directory, merged.name));
    assert.equal(files.restarts, 0);
    await files.close();
    await assert.rejects(files.below(3).services(never), { code: "unavailable" });
  }
  await inline.close();
});

test("openWorkerFiles() asks once more what a thread died of, then gives up", async () => {
  const { directory, sources } = await makeFolder();
  const said: string[] = [];
  const log = { ...silentLog, error: (message: string) => said.push(message) } as unknown as Log;
  const files = openWorkerFiles({ ...optionsOf(directory, log), url: fragile });
  await files.change(sources.slice(0, 2), []);
  await files.change(sources.slice(2), []);
  const part = files.below(Infinity);
  const expected = await part.search(everything, never);
  assert.ok(expected.startUs.length > 30);
  await writeFile(join(directory, "die-once"), "");
  assert.deepEqual(await part.search(everything, never), expected);
  assert.equal(files.restarts, 1);
  await writeFile(join(directory, "die"), "");
  await assert.rejects(part.search(everything, never), { code: "unavailable" });
  assert.equal(files.restarts, 3);
  await rm(join(directory, "die"));
  assert.deepEqual(await part.search(everything, never), expected);
  await files.close();
  assert.equal(files.restarts, 3);
});

test("openWorkerFiles() tells of damage as the thread finds it", async () => {
  const { directory, sources } = await makeFolder();
  const said: string[] = [];
  const log: Log = { ...silentLog, error: (message) => said.push(message) };
  await writeFile(join(directory, sources[1]!.name), "not a segment file, and too short for one");
  const files = openWorkerFiles(optionsOf(directory, log));
  await files.change(sources, []);
  const found = await files.below(Infinity).search(everything, never);
  assert.ok(found.startUs.length > 20);
  assert.deepEqual(files.figures(), { damagedBlocks: 0, damagedFiles: 1 });
  assert.deepEqual(said, ["a segment file cannot be read and is left out of answers"]);
  await files.close();
});

test("openWorkerFiles() ends questions whose caller has gone, and goes on with others", async () => {
  const { directory, sources } = await makeFolder();
  const files = openWorkerFiles(optionsOf(directory));
  void files.change(sources, []);
  const part = files.below(Infinity);
  await assert.rejects(part.services(AbortSignal.abort()), { code: "unavailable" });
  const cancel = new AbortController();
  const asked = part.search(everything, cancel.signal);
  cancel.abort();
  await assert.rejects(asked, { code: "unavailable", message: /cancelled/ });
  assert.ok((await part.services(never)).length > 2);
  await files.close();
});
