// The copy that somebody asks for on the admin port, of a store that goes on, opened again as a store.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeRandom, makeSpans } from "../../test/store/corpus.ts";
import { systemClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { makeReadReceived } from "../collector/readers.ts";
import type { HttpAnswer, HttpRequest } from "../net/http-route.ts";
import { diskFiles } from "../store/disk/files.ts";
import { makeMemoryStore } from "../store/memory/memory-store.ts";
import { SegmentStore } from "../store/segment/segment-store.ts";
import { verifyDirectory } from "../store/segment/verify-directory.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { writeOtlpProto } from "../wire/write-otlp-proto.ts";
import { makeBackupRoute } from "./backup-route.ts";

const folders: string[] = [];
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

const never = new AbortController().signal;
const clock = { ...systemClock, nowUs: () => Date.UTC(2026, 10, 22, 3, 4, 5) * 1e3 };

function openStore(directory: string): Promise<SegmentStore> {
  return SegmentStore.open({
    directory,
    durability: "disk",
    logFileBytesMax: 20_000,
    headBytesMax: 64 << 20,
    partitionMs: 3_600_000,
    retentionMs: 0,
    bytesMax: 0,
    freeBytesMin: 0,
    files: diskFiles,
    clock: systemClock,
    log: silentLog,
    read: makeReadReceived(new Map()),
    inline: true,
    blockRowsMax: 64,
    tendMs: 0,
  });
}

async function write(store: TraceStore, batch: SpanBatch): Promise<void> {
  const payload = writeOtlpProto([batch]);
  const read = makeReadReceived(new Map())("otlp-proto", payload);
  await store.write(read, { format: "otlp-proto", payload });
}

function parseBody(body: HttpAnswer["body"]): { readonly path: string } {
  assert.ok(typeof body === "string");
  return JSON.parse(body) as { path: string };
}

async function post(store: TraceStore | undefined, query: string): Promise<HttpAnswer> {
  const route = makeBackupRoute(() => store, clock);
  // The handler looks at nothing but the query.
  return await route.handle({ query: new URLSearchParams(query) } as unknown as HttpRequest);
}

test("POST /api/backup makes a directory with every acknowledged span", async () => {
  const directory = await mkdtemp(join(tmpdir(), "spoor-backup-"));
  folders.push(directory);
  const store = await openStore(directory);
  const random = makeRandom(1);
  const next = (): SpanBatch => makeSpans({ random, rows: 30, tracesFrom: 0, tracesEnd: 50 });
  for (let i = 0; i < 20; i++) await write(store, next());
  const writing = (async () => {
    for (let i = 0; i < 20; i++) await write(store, next());
  })();
  const { status, body } = await post(store, "to=one");
  assert.equal(status, 200);
  const { path } = parseBody(body);
  assert.equal(path, join(directory, "backups", "one"));
  await writing;
  const report = await verifyDirectory({ files: diskFiles, directory: path, repair: false });
  assert.deepEqual(report.problems, []);
  const copy = await openStore(path);
  const { spans, lostRecords } = copy.figures();
  assert.ok(spans >= 600 && spans <= 1_200 && spans % 30 === 0, `${spans} spans`);
  assert.equal(lostRecords, 0);
  const all = { startUsMin: 0, startUsMax: Number.MAX_SAFE_INTEGER, attributes: [], limit: 100 };
  assert.equal((await copy.findTraces(all, never)).length, 50);
  await copy.close();
  await assert.rejects(post(store, "to=one"), { code: "bad-input" });
  await assert.rejects(post(store, "to=../one"), { code: "bad-input" });
  const { path: dated } = parseBody((await post(store, "")).body);
  assert.equal(dated, join(directory, "backups", "20261122T030405Z"));
  await store.close();
});

test("POST /api/backup is refused where there is nothing to copy", async () => {
  await assert.rejects(post(undefined, ""), { code: "unavailable" });
  const memory = makeMemoryStore({ tracesMax: 10, bytesMax: 1e6 }, systemClock);
  await assert.rejects(post(memory, ""), { code: "unsupported" });
});
