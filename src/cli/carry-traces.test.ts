// `spoor export` and `spoor import` there and back: directories, a query, a collector, every format.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { openTestCollector } from "../../test/open-collector.ts";
import { openTestQuery } from "../../test/open-query.ts";
import { makeRandom, makeSpans } from "../../test/store/corpus.ts";
import { makeReadReceived } from "../collector/readers.ts";
import { printSpans } from "../model/print-spans.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { writeOtlpProto } from "../wire/write-otlp-proto.ts";
import { openToolStore } from "./open-tool-store.ts";
import { runCommand } from "./run-command.ts";

const folders: string[] = [];
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "spoor-carry-"));
  folders.push(folder);
  return folder;
}

const never = new AbortController().signal;
const SPANS = 1_200;

function makeTraces(): SpanBatch[] {
  const random = makeRandom(3);
  return Array.from({ length: 12 }, (_, i) =>
    makeSpans({ random, rows: 100, tracesFrom: 40 * i, tracesEnd: 40 * i + 60 }),
  );
}

/** A directory with all spans; and what is in it. */
async function makeDirectory(): Promise<{ directory: string; stored: string[] }> {
  const directory = await makeFolder();
  const store = await openToolStore(directory, complain);
  for (const batch of makeTraces()) {
    const payload = writeOtlpProto([batch]);
    const own = makeReadReceived(new Map())("otlp-proto", payload);
    await store.write(own, { format: "otlp-proto", payload });
  }
  const stored = await printStore(store);
  await store.close();
  return { directory, stored };
}

async function printStore(store: TraceStore): Promise<string[]> {
  const all = { startUsMin: 0, startUsMax: Number.MAX_SAFE_INTEGER, attributes: [], limit: 10_000 };
  const traces = await store.findTraces(all, never);
  return traces.map((trace) => printTrace(trace)).sort();
}

/** Without what a format may put into another order: owners are named where they stand. */
function printTrace(trace: SpanBatch): string {
  return printSpans(trace).split("\n").sort().join("\n");
}

async function printDirectory(directory: string): Promise<string[]> {
  const store = await openToolStore(directory, complain);
  const stored = await printStore(store);
  await store.close();
  return stored;
}

function complain(text: string): void {
  assert.fail(text);
}

interface Outcome {
  readonly code: number;
  readonly said: string;
}

async function spoor(...argv: readonly string[]): Promise<Outcome & { readonly out: Buffer }> {
  let said = "";
  const out: Buffer[] = [];
  const process = {
    stdout: { write: (bytes: string | Uint8Array) => void out.push(Buffer.from(bytes as string)) },
    stderr: { write: (text: string) => void (said += text) },
    on: () => undefined,
    exit: () => undefined,
    execPath: "",
    argv: [],
  };
  const code = await runCommand({ argv, env: {}, process });
  return { code, said, out: Buffer.concat(out) };
}

for (const format of ["otlp-json", "otlp-proto", "jaeger-json"]) {
  test(`a directory goes through ${format} into another directory`, async () => {
    const { directory, stored } = await makeDirectory();
    const folder = await makeFolder();
    const file = join(folder, "traces");
    const exported = await spoor("export", directory, `--format=${format}`, `--output=${file}`);
    assert.equal(exported.code, 0, exported.said);
    assert.match(
      exported.said,
      new RegExp(`^exported ${stored.length} traces with ${SPANS} spans, `),
    );
    const to = join(folder, "data");
    const imported = await spoor("import", file, "--directory", to);
    assert.equal(imported.code, 0, imported.said);
    assert.match(imported.said, new RegExp(`^read ${SPANS} spans of .*; stored ${SPANS}\n$`));
    const again = await printDirectory(to);
    assert.equal(again.length, stored.length);
    // What Jaeger's own JSON cannot tell is told by its own test (read-jaeger-json.test.ts).
    if (format !== "jaeger-json") assert.ok(isDeepStrictEqual(again, stored));
  });
}

test("a running query is exported page by page, and a collector takes what is imported", async () => {
  const sanitized = makeTraces().map((batch) =>
    makeReadReceived(new Map())("otlp-proto", writeOtlpProto([batch])),
  );
  await using query = await openTestQuery([], sanitized);
  const stored = await printStore(query.store);
  assert.ok(stored.length > 400, "more than two pages");
  const url = `http://127.0.0.1:${query.httpPort}/`;
  const file = join(await makeFolder(), "traces");
  const exported = await spoor("export", url, `--output=${file}`);
  assert.equal(exported.code, 0, exported.said);
  assert.match(
    exported.said,
    new RegExp(`^exported ${stored.length} traces with ${SPANS} spans, `),
  );
  await using collector = await openTestCollector(["otlp-http"]);
  const to = `http://127.0.0.1:${collector.port("otlp-http")}`;
  const imported = await spoor("import", file, `--to=${to}`);
  assert.equal(imported.code, 0, imported.said);
  assert.ok(isDeepStrictEqual(await printStore(collector.store), stored));
  collector.checkBooks();
});

test("spoor export and verify take a directory with all its shards", async () => {
  const { directory, stored } = await makeDirectory();
  const second = await makeDirectory();
  await mkdir(join(directory, "shards"));
  await rename(second.directory, join(directory, "shards", "1"));
  const exported = await spoor("export", directory, "--format=otlp-proto");
  assert.match(
    exported.said,
    new RegExp(`^exported ${stored.length} traces with ${2 * SPANS} spans, `),
  );
  const { code, out } = await spoor("verify", directory);
  assert.equal(code, 0);
  assert.equal(out.toString().match(/nothing is wrong/g)?.length, 2);
});

test("spoor export takes the traces of a service or a time alone", async () => {
  const { directory } = await makeDirectory();
  const counts = async (...flags: readonly string[]): Promise<number> => {
    const { said, code } = await spoor("export", directory, ...flags);
    assert.equal(code, 0, said);
    return Number(/exported ([0-9]+) trace/.exec(said)?.[1]);
  };
  const all = await counts();
  const cart = await counts("--service=cart");
  const early = await counts("--end=2023-11-14T22:13:50Z");
  const late = await counts("--start", "2023-11-14T22:13:50Z");
  assert.ok(cart > 0 && cart < all && early > 0 && early < all && late > 0 && late < all);
  assert.ok(early + late >= all);
  assert.equal(await counts("--service=nobody"), 0);
});

test("spoor import counts what it cannot read or store, and goes on", async () => {
  const folder = await makeFolder();
  const line = (spans: object[]): string =>
    JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
  const span = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
  const text = [
    line([{ ...span, name: "whole" }]),
    '{"resourceSpans":7}',
    line([{ ...span, spanId: "b7ad6b7169203332" }, { name: "without ids" }]),
  ].join("\n");
  const file = join(folder, "lines");
  await writeFile(file, text);
  const { code, said } = await spoor("import", file, `--directory=${join(folder, "data")}`);
  assert.equal(code, 1);
  assert.match(
    said,
    /^read 3 spans of 3 requests, [0-9]+ bytes; stored 2; refused 1; 1 request unreadable \(request 2: /,
  );
  assert.equal((await printDirectory(join(folder, "data"))).length, 1);
});

const wrong: readonly (readonly [argv: readonly string[], said: RegExp])[] = [
  [["export"], /0 words; expected spoor export DIR\|URL/],
  [["export", "/nowhere/at/all"], /no data directory/],
  [["export", "x", "--format=xml"], /format/],
  [["export", "x", "--start=yesterday"], /yesterday/],
  [["export", "http://127.0.0.1:1/"], /does not answer/],
  [["import", "/nowhere/at/all"], /cannot read \/nowhere\/at\/all: ENOENT/],
  [["import"], /0 words; expected spoor import FILE/],
];
for (const [argv, expected] of wrong) {
  test(`spoor ${argv.join(" ")} is refused`, async () => {
    const { code, said } = await spoor(...argv);
    assert.equal(code, 1);
    assert.match(said, expected);
  });
}

test("spoor import says when nobody answers, and what it had done by then", async () => {
  const file = join(await makeFolder(), "empty.json");
  const span = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
  await writeFile(file, JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }));
  const { code, said } = await spoor("import", file, "--to=http://127.0.0.1:1");
  assert.equal(code, 1);
  assert.match(said, /^read 1 span of 1 request, .*; stored 0\nspoor: .* does not answer/);
});

test("spoor export overwrites no file", async () => {
  const { directory } = await makeDirectory();
  const file = join(await makeFolder(), "mine");
  await writeFile(file, "mine");
  const { code, said } = await spoor("export", directory, `--output=${file}`);
  assert.equal(code, 1);
  assert.match(said, /is there already/);
  assert.equal(await readFile(file, "utf8"), "mine");
});
