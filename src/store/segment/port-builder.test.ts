// Two directories that share one builder's thread, one of them through a port.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { makeRandom, makeSpans } from "../../../test/store/corpus.ts";
import { silentLog } from "../../base/log.ts";
import { type BlockImage, makeBlockImage } from "../block/block-image.ts";
import { Head } from "../head/head.ts";
import { PortBuilder, serveBuilder } from "./port-builder.ts";
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

function openPort(builder: WorkerBuilder, directory: string): PortBuilder {
  const { port1, port2 } = new MessageChannel();
  serveBuilder(port1, builder, directory);
  return new PortBuilder(port2);
}

test("PortBuilder makes the files that the builder makes, in its own directory", async (t) => {
  const [first, second] = makeImages(2);
  const [here, there] = [await makeFolder(t), await makeFolder(t)];
  const worker = new WorkerBuilder({ directory: here, log: silentLog });
  const port = openPort(worker, there);
  const figures = await Promise.all(
    [worker, port].map(async (builder) => {
      const [one, two] = await Promise.all([
        builder.build(first!, 1, 1_000, END),
        builder.build(second!, 2, 2_000, END),
      ]);
      const merged = await builder.merge([one!, two!]);
      assert.ok((await builder.archive("kept.segment", [first!, second!])) > 0);
      // The seed of an index is drawn anew: the sizes of compressed pages differ a little.
      return [one, two, merged].map((file) => ({ ...file, bytes: 0 }));
    }),
  );
  assert.deepEqual(figures[0], figures[1]);
  for (const folder of [here, there]) {
    assert.equal((await readdir(join(folder, "segments"))).length, 3);
    assert.deepEqual(await readdir(join(folder, "archive")), ["kept.segment"]);
  }
  await port.close();
  await assert.rejects(port.merge([]), { code: "unavailable", message: "the builder is closed" });
  assert.equal((await worker.build(first!, 3, 3_000, END))?.rows, 64);
  await worker.close();
});

test("PortBuilder says what the disk says", async (t) => {
  const folder = await makeFolder(t);
  const worker = new WorkerBuilder({ directory: folder, log: silentLog });
  const port = openPort(worker, join(folder, "missing"));
  await assert.rejects(port.build(makeImages(1)[0]!, 1, 0, END), {
    code: "unavailable",
    where: { cause: "ENOENT" },
  });
  await port.close();
  await worker.close();
});

test("PortBuilder.close() waits for what is under way", async (t) => {
  const directory = await makeFolder(t);
  const worker = new WorkerBuilder({ directory, log: silentLog });
  const port = openPort(worker, directory);
  const built = port.build(makeImages(1)[0]!, 1, 0, END);
  await port.close();
  assert.equal((await built)?.rows, 64);
  await worker.close();
});
