// Building in a thread: the same files as in process, and what happens when the thread dies.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { makeRandom, makeSpans } from "../../../test/store/corpus.ts";
import { silentLog } from "../../base/log.ts";
import { type BlockImage, makeBlockImage } from "../block/block-image.ts";
import { PageCache } from "../block/page-cache.ts";
import { diskFiles } from "../disk/files.ts";
import { Head } from "../head/head.ts";
import { InlineBuilder } from "./builder.ts";
import { openSegment } from "../file/segment-file.ts";
import { WorkerBuilder } from "./worker-builder.ts";

const END = { sequence: 9, rows: 1 };

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "spoor-builder-"));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, "segments"));
  return folder;
}

function makeImages(count: number): BlockImage[] {
  const head = new Head(64);
  const random = makeRandom(3);
  head.append(makeSpans({ random, rows: 64 * count, tracesFrom: 0, tracesEnd: 9 }));
  head.sealOpenBlock();
  const sealed = head.blocks.filter((block) => block.sealed);
  return sealed.map((block) => makeBlockImage(block, head.traces));
}

test("WorkerBuilder makes the files that InlineBuilder makes", async (t) => {
  const [first, second] = makeImages(2);
  const [here, there] = [await makeFolder(t), await makeFolder(t)];
  const inline = new InlineBuilder({ files: diskFiles, directory: here, hashSeed: () => 1 });
  const worker = new WorkerBuilder({ directory: there, log: silentLog });
  const figures = [];
  for (const builder of [inline, worker]) {
    const one = await builder.build(first!, 1, 1_000, END);
    const two = await builder.build(second!, 2, 2_000, END);
    const merged = await builder.merge([one!, two!]);
    const bytes = await builder.archive("kept.segment", [first!, second!]);
    assert.equal(
      await diskFiles.size(join(builder === inline ? here : there, "archive/kept.segment")),
      bytes,
    );
    // The seed of an index is drawn anew: the sizes of compressed pages differ a little.
    figures.push([one, two, merged].map((file) => ({ ...file, bytes: 0 })));
    await builder.close();
  }
  assert.deepEqual(figures[0], figures[1]);
  for (const folder of [here, there]) {
    assert.equal((await readdir(join(folder, "segments"))).length, 3);
    assert.deepEqual(await readdir(join(folder, "archive")), ["kept.segment"]);
    const source = diskFiles.openSource(join(folder, "archive/kept.segment"));
    const file = openSegment(source, new PageCache(0));
    assert.equal(file.figures.rows, 128);
    file.close();
  }
  await assert.rejects(worker.merge([]), { code: "unavailable", message: "the builder is closed" });
});

test("WorkerBuilder says what the disk says", async (t) => {
  const folder = await makeFolder(t);
  const [image] = makeImages(1);
  const builder = new WorkerBuilder({ directory: join(folder, "missing"), log: silentLog });
  await assert.rejects(builder.build(image!, 1, 0, END), {
    code: "unavailable",
    where: { cause: "ENOENT" },
  });
  await builder.close();
});

/** A thread that runs `body` for each request. */
function threadOf(body: string): URL {
  const code = `
    import { parentPort, workerData } from "node:worker_threads";
    import { existsSync, writeFileSync } from "node:fs";
    parentPort.on("message", ({ number }) => { ${body} });`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

test("WorkerBuilder asks a new thread when one has died, once", async (t) => {
  const directory = await makeFolder(t);
  const [image] = makeImages(1);
  const mark = JSON.stringify(join(directory, "mark"));
  const once = new WorkerBuilder({
    directory,
    log: silentLog,
    url: threadOf(`
      if (!existsSync(${mark})) { writeFileSync(${mark}, ""); process.exit(1); }
      parentPort.postMessage({ number, result: 7 });`),
  });
  assert.equal(await once.archive("a", [image!]), 7);
  assert.equal(once.restarts, 1);
  await once.close();

  const always = new WorkerBuilder({ directory, log: silentLog, url: threadOf("throw number") });
  await assert.rejects(always.build(image!, 1, 0, END), {
    code: "unavailable",
    message: "the thread that writes files has ended",
  });
  await assert.rejects(always.build(image!, 1, 0, END), { code: "unavailable" });
  assert.equal(always.restarts, 4);
  await always.close();
});

test("WorkerBuilder.close() waits for what is under way", async (t) => {
  const directory = await makeFolder(t);
  const [image] = makeImages(1);
  const builder = new WorkerBuilder({ directory, log: silentLog });
  const built = builder.build(image!, 1, 0, END);
  await builder.close();
  assert.equal((await built)?.rows, 64);
});
