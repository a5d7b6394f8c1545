// TChannel as Jaeger's agents spoke it: Uber's own Go library calls our collector, and answers our client.
//
//   test/e2e/go-tchannel ─ go build ─▶ peer ─┬ submit ─▶ Spoor ─▶ every field is read back
//                                            └ serve ◀─ TChannelClient
//
// Skipped, with a line, where Go is missing or its modules cannot be had.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, after, before, test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { SpanBatch } from "../../src/model/span-batch.ts";
import { openTChannelClient } from "../../src/net/tchannel-client.ts";
import { readSubmitBatches } from "../../src/wire/jaeger-thrift.ts";
import { writeSubmitBatches } from "../../src/wire/write-jaeger-thrift.ts";
import { list, struct, text, i64, writeBinary } from "../thrift-writer.ts";
import { type ExpectedSpan, PLAIN } from "./expected-span.ts";
import { uniqueStartNs } from "./otel-spans.ts";
import { checkReadBack } from "./read-back.ts";
import { runProgram, whyMissing } from "./run-program.ts";
import { useSpoor } from "./running-spoor.ts";

const folder = join(import.meta.dirname, "go-tchannel");

const DOWNLOAD_MS_MAX = 120_000;
const BUILD_MS_MAX = 240_000;
const PEER_MS_MAX = 30_000;

const STRUCT = 12;
const METHOD = "Collector::submitBatches";

const spoor = useSpoor();
let scratch = "";
let peer = "";
let missing: string | undefined;

before(async () => {
  missing = await whyMissing("go", "version");
  if (missing !== undefined) return;
  try {
    await runProgram("go", ["mod", "download"], { cwd: folder, msMax: DOWNLOAD_MS_MAX });
  } catch (error) {
    const [line = ""] = String((error as { stderr?: unknown }).stderr).split("\n");
    missing = `its modules cannot be downloaded (${line.slice(0, 200)})`;
    return;
  }
  scratch = await mkdtemp(join(tmpdir(), "spoor-tchannel-"));
  peer = join(scratch, "peer");
  await runProgram("go", ["build", "-o", peer, "."], { cwd: folder, msMax: BUILD_MS_MAX });
});

after(async () => {
  if (scratch !== "") await rm(scratch, { recursive: true, force: true });
});

function isSkipped(t: TestContext): boolean {
  if (missing !== undefined) t.skip(`needs Go: ${missing}`);
  return missing !== undefined;
}

interface Submitting {
  readonly service: string;
  readonly traceId: number;
  readonly startUs: bigint;
  /** In each of two batches. */
  readonly spans: number;
  /** Of the binary tag of each span. */
  readonly bytes: number;
  readonly checksum: string;
  readonly calls: number;
}

async function submit(sending: Submitting): Promise<{ bytes: number; oks: number }> {
  const output = await runProgram(
    peer,
    [
      "submit",
      `--address=${spoor().address("tchannel")}`,
      `--checksum=${sending.checksum}`,
      `--service=${sending.service}`,
      `--trace-id=${sending.traceId}`,
      `--start-us=${sending.startUs}`,
      `--spans=${sending.spans}`,
      `--bytes=${sending.bytes}`,
      `--calls=${sending.calls}`,
    ],
    { msMax: PEER_MS_MAX },
  );
  return JSON.parse(output) as { bytes: number; oks: number };
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

/** As main.go makes them. */
function expectSpans({ service, traceId, startUs, spans, bytes }: Submitting): ExpectedSpan[] {
  return Array.from({ length: 2 * spans }, (_, at): ExpectedSpan => {
    const id = at + 1;
    const startNs = (startUs + BigInt(id)) * 1_000n;
    const host = `höst-${Math.floor(at / spans)}`;
    return {
      ...PLAIN,
      service: `${service}-${Math.floor(at / spans)}`,
      resource: [["hostname", host]],
      traceId: hex(7, 16) + hex(traceId, 16),
      spanId: hex(id, 16),
      parentSpanId: id === 1 ? "" : hex(1, 16),
      name: "GET /κόσμε",
      startNs,
      durationNs: BigInt(1_000 + id) * 1_000n,
      flags: 1,
      jaegerFlags: 1,
      format: "jaeger",
      attributes: [
        ["text", "naïve 日本語 🦀"],
        ["yes", true],
        ["int.max", 2n ** 63n - 1n],
        ["double", -0.1],
        ["bytes", Uint8Array.from({ length: bytes }, (_byte, i) => i)],
      ],
      events: [{ timeNs: startNs + 1_000n, name: host, attributes: [], dropped: 0 }],
    };
  });
}

type Choice = Pick<Submitting, "service" | "checksum" | "spans" | "bytes" | "calls">;

const newSending = (choice: Choice): Submitting => ({
  ...choice,
  traceId: crypto.getRandomValues(new Uint32Array(1))[0]! + 1,
  startUs: uniqueStartNs(0n) / 1_000n,
});

test("Go, tchannel-go: every field of two batches in one call of several frames comes back", async (t) => {
  if (isSkipped(t)) return;
  const sending = newSending({
    service: "tchannel-go",
    checksum: "crc32c",
    spans: 2,
    bytes: 20_000,
    calls: 1,
  });
  const { bytes, oks } = await submit(sending);
  assert.ok(bytes > 65_535, `${bytes} bytes are no two frames`);
  assert.equal(oks, 2);
  await checkReadBack(spoor(), expectSpans(sending));
});

for (const checksum of ["none", "crc32", "crc32c"]) {
  test(`Go, tchannel-go: calls with the checksum ${checksum} at the same time are all answered`, async (t) => {
    if (isSkipped(t)) return;
    const before = (await spoor().ledger()).total.spans.stored;
    const sending = newSending({
      service: `tchannel-${checksum}`,
      checksum,
      spans: 300,
      bytes: 4,
      calls: 16,
    });
    assert.equal((await submit(sending)).oks, 2 * 16);
    const { stored } = (await spoor().ledger()).total.spans;
    assert.equal(stored - before, 2 * 300 * 16);
  });
}

test("TChannelClient: tchannel-go takes what we write, in one frame and in many", async (t) => {
  if (isSkipped(t)) return;
  const server = spawn(peer, ["serve"], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(server.stdout)[Symbol.asyncIterator]();
  const { value: address } = (await lines.next()) as { value: string };
  const client = openTChannelClient({
    hostPort: { host: "127.0.0.1", port: Number(address.split(":")[1]) },
    processName: "jaeger-agent",
    log: silentLog,
    clock: systemClock,
  });
  const options = { ttlMs: PEER_MS_MAX };
  const counts = [1, 3_000];
  try {
    await client.ping();
    for (const count of counts) {
      const body = writeSubmitBatches(makeBatch(count));
      const answer = await client.call("jaeger-collector", METHOD, body, options);
      assert.equal(Buffer.from(answer).toString("hex"), "0f00000c00000001020001010000");
    }
    await assert.rejects(client.call("jaeger-collector", "Collector::none", body(), options), {
      code: "bad-input",
    });
    await assert.rejects(client.call("jaeger-collector", METHOD, body(), options), {
      code: "bad-input",
    });
  } finally {
    client.close();
    server.stdin.end();
  }
  const { value: received } = (await lines.next()) as { value: string };
  await once(server, "close");
  const spans = JSON.parse(received) as Record<string, unknown>[];
  assert.equal(spans.length, 1 + 3_000);
  assert.deepEqual(spans[0], {
    caller: "jaeger-agent",
    service: "shop",
    name: "GET /",
    span: 1,
    start: 1_700_000_000_000_001,
    duration: 5,
    tags: 0,
    logs: 0,
  });
});

/** No thrift at all. */
const body = (): Uint8Array => Uint8Array.of(0x7f, 0, 1, 2);

function makeBatch(count: number): SpanBatch {
  const spans = Array.from({ length: count }, (_, at) =>
    struct(
      [1, i64(BigInt(at + 1))],
      [2, i64(0n)],
      [3, i64(BigInt(at + 1))],
      [4, i64(0n)],
      [5, text("GET /")],
      [8, i64(1_700_000_000_000_001n)],
      [9, i64(5n)],
    ),
  );
  const batches = list(STRUCT, [struct([1, struct([1, text("shop")])], [2, list(STRUCT, spans)])]);
  const batch = new SpanBatch();
  readSubmitBatches(writeBinary(struct([1, batches])), batch);
  return batch;
}
