// Requests that come to no HTTP door's handler are in the books, with their reason.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type TestCollector, openTestCollector } from "../../../test/open-collector.ts";
import { openRawPeer } from "../../../test/raw-peer.ts";
import { until } from "../../../test/until.ts";
import type { DoorName } from "../ledger.ts";

const doors: readonly (readonly [door: DoorName, path: string, type: string])[] = [
  ["otlp-http", "/v1/traces", "application/x-protobuf"],
  ["jaeger-http", "/api/traces", "application/x-thrift"],
  ["zipkin", "/api/v2/spans", "application/json"],
];

const HUGE = 2 ** 31;

const lost: readonly (readonly [what: string, reason: string, headers: string])[] = [
  ["a peer that goes in the middle", "cut-off", "Content-Length: 9\r\n"],
  ["a body that is too large", "too-large", `Content-Length: ${HUGE}\r\n`],
  ["an unknown encoding", "wrong-type", "Content-Length: 9\r\nContent-Encoding: br\r\n"],
];

async function checkCounted(
  collector: TestCollector,
  door: DoorName,
  reason: string,
  count: number,
): Promise<void> {
  const counted = { "requests received": count, [`requests ${reason}`]: count };
  const key = `${door} unknown`;
  await until(() => collector.books()[key]?.["requests received"] === count);
  assert.deepEqual(collector.books()[key], counted);
  const labels = `{door="${door}",format="unknown",reason="${reason}"}`;
  assert.deepEqual(collector.metrics(`spoor_collector_requests_refused_total${labels}`), [
    `spoor_collector_requests_refused_total${labels} ${count}`,
  ]);
}

for (const [door, path, type] of doors) {
  const head = (headers: string, at = path): string =>
    `POST ${at} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\n${headers}\r\n`;

  for (const [what, reason, headers] of lost) {
    test(`makeHttpFailureCounter() counts at ${door}: ${what}`, async () => {
      await using collector = await openTestCollector([door]);
      for (let count = 1; count <= 2; count++) {
        const peer = await openRawPeer(collector.port(door));
        peer.write(`${head(headers)}xx`);
        peer.socket.end();
        await checkCounted(collector, door, reason, count);
      }
    });
  }

  test(`makeHttpFailureCounter() counts at ${door} no requests for other paths`, async () => {
    await using collector = await openTestCollector([door]);
    for (const text of [
      head(`Content-Length: ${HUGE}\r\n`, "/nowhere"),
      `GET${head("").slice(4)}`,
    ]) {
      const peer = await openRawPeer(collector.port(door));
      peer.write(text);
      await peer.until("\r\n\r\n");
      peer.socket.destroy();
    }
    assert.deepEqual(collector.books(), {});
  });
}

test("makeHttpFailureCounter() counts a body that is too slow as cut off", async () => {
  const flags = ["--collector.otlp.http.read-timeout=100ms"];
  await using collector = await openTestCollector(["otlp-http"], flags);
  const peer = await openRawPeer(collector.port("otlp-http"));
  peer.write("POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nxx");
  assert.match(await peer.untilClosed(), /^HTTP\/1.1 408 /);
  await checkCounted(collector, "otlp-http", "cut-off", 1);
});
