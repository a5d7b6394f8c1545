// Jaeger's TChannel door, called by our own client with bytes that Jaeger's own Go code wrote.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  type TestCollector,
  openTestCollector,
  storeThatFails,
} from "../../../test/open-collector.ts";
import { openRawPeer } from "../../../test/raw-peer.ts";
import { until } from "../../../test/until.ts";
import { printSanitized } from "../../../test/print-sanitized.ts";
import {
  type ThriftValue,
  i32,
  list,
  struct,
  text,
  writeBinary,
} from "../../../test/thrift-writer.ts";
import { systemClock } from "../../base/clock.ts";
import { SpoorError } from "../../base/errors.ts";
import { silentLog } from "../../base/log.ts";
import { type TChannelClient, openTChannelClient } from "../../net/tchannel-client.ts";
import type { Sampling } from "../../sampling/open-sampling.ts";
import type { Strategy } from "../../sampling/strategies.ts";
import { readStrategyThrift } from "../../sampling/strategy-thrift.ts";
import { readSubmitBatches } from "../../wire/jaeger-thrift.ts";
import { STRUCT } from "../../wire/thrift-reader.ts";
import { readZipkinThrift } from "../../wire/zipkin-thrift.ts";

function golden(name: string): Uint8Array {
  return readFileSync(new URL(`../../../test/golden/jaeger/${name}`, import.meta.url));
}

/** `count` structs, each as it is, as the list that is field 1 of the arguments. */
function argumentsOf(one: Uint8Array, count = 1): Uint8Array {
  const structs = Array.from({ length: count }, () => one);
  return Buffer.concat([Uint8Array.of(15, 0, 1, 12, 0, 0, 0, count), ...structs, Uint8Array.of(0)]);
}

const BATCH = golden("batch.binary.bin");
const ZIPKIN_LIST = golden("zipkin-spans.binary.bin");
const ZIPKIN = Buffer.concat([Uint8Array.of(15, 0, 1), ZIPKIN_LIST, Uint8Array.of(0)]);
const SUBMIT = "Collector::submitBatches";
const SUBMIT_ZIPKIN = "ZipkinCollector::submitZipkinBatch";
const TTL = { ttlMs: 10_000 };

function connect(collector: TestCollector): TChannelClient & Disposable {
  const client = openTChannelClient({
    hostPort: { host: "127.0.0.1", port: collector.port("tchannel") },
    processName: "test",
    log: silentLog,
    clock: systemClock,
  });
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** list<{ 1: bool ok = true }> as field 0 of the result. */
const oks = (count: number): string => {
  const lead = count.toString(16).padStart(8, "0");
  return `0f00000c${lead}${"0200010100".repeat(count)}00`;
};

test("submitBatches stores what Jaeger's Go code wrote, and answers once a batch", async () => {
  await using collector = await openTestCollector(["tchannel"]);
  using client = connect(collector);
  const payload = argumentsOf(BATCH);
  const answer = await client.call("jaeger-collector", SUBMIT, payload, TTL);
  assert.equal(hex(answer), oks(1));
  assert.equal(
    await collector.printStored(),
    await printSanitized((bytes, batch) => void readSubmitBatches(bytes, batch), payload),
  );
  const { stored } = collector.checkBooks().total.spans;
  assert.deepEqual(collector.books(), {
    "tchannel jaeger-thrift-list": {
      "requests received": 1,
      "requests stored": 1,
      "spans received": stored,
      "spans stored": stored,
    },
  });
  const labels = /format="jaeger",transport="tchannel"/;
  assert.match(collector.metrics("spans_received_total{svc").join(), labels);
});

test("submitBatches takes several batches in one call, and none", async () => {
  await using collector = await openTestCollector(["tchannel"]);
  using client = connect(collector);
  const three = await client.call("jaeger-collector", SUBMIT, argumentsOf(BATCH, 3), TTL);
  assert.equal(hex(three), oks(3));
  const none = await client.call("jaeger-collector", SUBMIT, argumentsOf(BATCH, 0), TTL);
  assert.equal(hex(none), oks(0));
  assert.equal(collector.checkBooks().total.requests.stored, 2);
});

test("submitZipkinBatch stores Zipkin's spans, and answers once a span", async () => {
  await using collector = await openTestCollector(["tchannel"]);
  using client = connect(collector);
  const count = new DataView(ZIPKIN_LIST.buffer, ZIPKIN_LIST.byteOffset).getUint32(1);
  const answer = await client.call("jaeger-collector", SUBMIT_ZIPKIN, ZIPKIN, TTL);
  assert.equal(hex(answer), oks(count));
  assert.equal(await collector.printStored(), await printSanitized(readZipkinThrift, ZIPKIN_LIST));
  assert.equal(collector.books()["tchannel zipkin-thrift"]?.["requests stored"], 1);
});

test("submitBatches and submitZipkinBatch refuse what is no thrift, and count it", async () => {
  await using collector = await openTestCollector(["tchannel"]);
  using client = connect(collector);
  for (const method of [SUBMIT, SUBMIT_ZIPKIN]) {
    for (const body of [new Uint8Array(0), Uint8Array.of(0), argumentsOf(BATCH).subarray(0, 60)]) {
      await assert.rejects(client.call("jaeger-collector", method, body, TTL), {
        code: "bad-input",
      });
    }
  }
  assert.equal(collector.checkBooks().total.requests.refused["bad-input"], 6);
  assert.equal(hex(await client.call("jaeger-collector", SUBMIT, argumentsOf(BATCH), TTL)), oks(1));
});

for (const [code, answered] of [
  ["overloaded", "overloaded"],
  ["unavailable", "unavailable"],
] as const) {
  test(`submitBatches tells a sender to come again when the store is ${code}`, async () => {
    const store = storeThatFails(code);
    await using collector = await openTestCollector(["tchannel"], [], { store });
    using client = connect(collector);
    const call = client.call("jaeger-collector", SUBMIT, argumentsOf(BATCH), TTL);
    await assert.rejects(call, { code: answered });
    assert.equal(collector.checkBooks().total.requests.refused[code], 1);
  });
}

test("a call above the bound of bodies is refused and counted", async () => {
  const flags = ["--collector.max-http-body-size=100"];
  await using collector = await openTestCollector(["tchannel"], flags);
  using client = connect(collector);
  const call = client.call("jaeger-collector", SUBMIT, argumentsOf(BATCH), TTL);
  await assert.rejects(call, { code: "bad-input", message: /at most 100/ });
  assert.deepEqual(collector.books(), {
    "tchannel unknown": { "requests received": 1, "requests too-large": 1 },
  });
});

test("a peer that goes in the middle of a call is counted as cut off", async () => {
  await using collector = await openTestCollector(["tchannel"]);
  const peer = await openRawPeer(collector.port("tchannel"));
  const init = "0200020009686f73745f706f7274000131000c70726f636573735f6e616d65000131";
  const frame = (type: string, body: string): Uint8Array => {
    const size = (16 + body.length / 2).toString(16).padStart(4, "0");
    return Buffer.from(`${size}${type}00000000070000000000000000${body}`, "hex");
  };
  peer.write(frame("01", `00${init}`));
  await peer.until("process_name");
  const method = Buffer.from(SUBMIT).toString("hex");
  // flags: more follow · ttl · tracing · service "x" · as = thrift · no checksum · arg1 · arg2
  const call = `0100002710${"00".repeat(25)}01780102617306746872696674000018${method}0000`;
  peer.write(frame("03", call));
  peer.socket.end();
  await until(() => collector.books()["tchannel unknown"]?.["requests cut-off"] === 1);
});

test("Meta answers that the collector is there", async () => {
  await using collector = await openTestCollector(["tchannel"]);
  using client = connect(collector);
  const ask = async (method: string): Promise<string> =>
    hex(await client.call("jaeger-collector", method, Uint8Array.of(0), TTL));
  assert.equal(await ask("Meta::health"), "0c00000200010100" + "00");
  assert.equal(await ask("Meta::thriftIDL"), "0c00000d00010b0b000000000b0002000000000000");
  assert.match(await ask("Meta::versionInfo"), /^0c00000b0001000000046e6f6465/);
  await assert.rejects(ask("Meta::nothing"), { code: "bad-input", message: /no handler/ });
  assert.deepEqual(collector.books(), {});
});

test("getSamplingStrategy is not known where nobody says what to sample", async () => {
  await using collector = await openTestCollector(["tchannel"]);
  using client = connect(collector);
  const body = writeBinary(struct([1, text("shop")]));
  const call = client.call("jaeger-collector", "SamplingManager::getSamplingStrategy", body, TTL);
  await assert.rejects(call, { message: /no handler/ });
});

test("getSamplingStrategy answers with the strategy of the service", async () => {
  const strategy: Strategy = { type: "probabilistic", samplingRate: 0.25 };
  const asked: string[] = [];
  const sampling: Sampling = {
    source: {
      strategyOf(service) {
        asked.push(service);
        if (service === "later") throw new SpoorError("unavailable", "not now");
        return Promise.resolve(strategy);
      },
    },
    record: undefined,
    close: () => Promise.resolve(),
  };
  await using collector = await openTestCollector(["tchannel"], [], { sampling });
  using client = connect(collector);
  const ask = (service: ThriftValue): Promise<Uint8Array> =>
    client.call(
      "jaeger-collector",
      "SamplingManager::getSamplingStrategy",
      writeBinary(struct([1, service])),
      TTL,
    );
  const answer = await ask(text("shop"));
  assert.equal(hex(answer.subarray(0, 3)), "0c0000");
  assert.deepEqual(readStrategyThrift(answer.subarray(3, -1)), strategy);
  await assert.rejects(ask(text("later")), { code: "unavailable" });
  await assert.rejects(ask(i32(1)), { code: "bad-input" });
  assert.deepEqual(asked, ["shop", "later"]);
  assert.deepEqual(collector.books(), {});
});

test("submitBatches finds the list behind fields that it does not know", async () => {
  await using collector = await openTestCollector(["tchannel"]);
  using client = connect(collector);
  const body = writeBinary(struct([7, text("later")], [1, list(STRUCT, [])]));
  assert.equal(hex(await client.call("jaeger-collector", SUBMIT, body, TTL)), oks(0));
  assert.equal(hex(await client.call("jaeger-collector", SUBMIT_ZIPKIN, body, TTL)), oks(0));
});
