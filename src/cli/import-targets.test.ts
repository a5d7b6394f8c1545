// What a collector may answer to what is imported, and what becomes of it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { makeRandom, makeSpans } from "../../test/store/corpus.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { readOtlpTraces } from "../wire/otlp-proto.ts";
import { writeExportAnswer } from "../wire/otlp-answer.ts";
import { openServerTarget } from "./import-targets.ts";

interface Reply {
  readonly status: number;
  readonly body?: Uint8Array;
}

/** A collector that gives these answers, one after the other. */
async function listen(
  replies: Reply[],
): Promise<AsyncDisposable & { url: string; spans: number[] }> {
  const spans: number[] = [];
  const server = createServer((request, response) => {
    const parts: Uint8Array[] = [];
    request.on("data", (part: Uint8Array) => void parts.push(part));
    request.on("end", () => {
      const batch = new SpanBatch();
      readOtlpTraces(Buffer.concat(parts), batch);
      spans.push(batch.rows);
      assert.equal(`${request.method} ${request.url}`, "POST /base/v1/traces");
      const { status, body } = replies.shift()!;
      response.writeHead(status).end(body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/base/`,
    spans,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const batch = makeSpans({ random: makeRandom(1), rows: 30, tracesFrom: 0, tracesEnd: 5 });

const cases: readonly (readonly [
  what: string,
  replies: Reply[],
  stored: number,
  reason: RegExp,
])[] = [
  ["takes all", [{ status: 200 }], 30, /^$/],
  [
    "rejects some",
    [{ status: 200, body: writeExportAnswer({ spans: 4, message: "too old" }) }],
    26,
    /^too old$/,
  ],
  ["refuses", [{ status: 400 }], 0, /answered 400/],
  ["is full at first", [{ status: 429 }, { status: 503 }, { status: 200 }], 30, /^$/],
];
for (const [what, replies, stored, reason] of cases) {
  test(`openServerTarget() counts what a collector does that ${what}`, async () => {
    const count = replies.length;
    await using collector = await listen([...replies]);
    const target = openServerTarget(collector.url);
    const taken = await target.take(batch);
    await target.close();
    assert.equal(taken.stored, stored);
    assert.match(taken.reason, reason);
    assert.deepEqual(collector.spans, Array<number>(count).fill(30));
  });
}

test("openServerTarget() refuses what is no address", () => {
  assert.throws(() => openServerTarget("nonsense"), { code: "bad-input" });
});
