// Traces from a server that behaves oddly: what is no answer, and what is only a part.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { makeRandom, makeSpans } from "../../test/store/corpus.ts";
import { writeOtlpJson } from "../wire/write-otlp-json.ts";
import { exportServer } from "./export-sources.ts";

interface Asked {
  readonly traces: number;
  readonly unpaged: number;
  readonly urls: readonly string[];
}

/** Exports from a server that gives these answers, one after the other. */
async function exportFrom(...replies: readonly (readonly [number, string])[]): Promise<Asked> {
  const left = [...replies];
  const urls: string[] = [];
  const server = createServer((request, response) => {
    urls.push(request.url ?? "");
    const [status, body] = left.shift()!;
    response.writeHead(status).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    const query = { service: "cart", startUsMin: 1_700_000_000_000_007, startUsMax: 1.8e15 };
    let unpaged = 0;
    let traces = 0;
    const source = exportServer(
      `http://127.0.0.1:${port}/base`,
      query,
      new AbortController().signal,
      () => unpaged++,
    );
    for await (const trace of source) traces += trace.rows > 0 ? 1 : 0;
    return { traces, unpaged, urls };
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
}

function page(from: number, count: number, cursor?: string): string {
  const lists = Array.from({ length: count }, (_, i) =>
    writeOtlpJson([
      makeSpans({
        random: makeRandom(i + 1),
        rows: 2,
        tracesFrom: from + i,
        tracesEnd: from + i + 1,
      }),
    ]).slice('{"resourceSpans":['.length, -"]}".length),
  );
  const next = cursor === undefined ? "" : `,"nextCursor":"${cursor}"`;
  return `{"result":{"resourceSpans":[${lists.join(",")}]}${next}}`;
}

test("exportServer() asks for page after page", async () => {
  const { traces, unpaged, urls } = await exportFrom(
    [200, page(0, 3, "next one")],
    [200, page(3, 2)],
  );
  assert.deepEqual([traces, unpaged], [5, 0]);
  const [first, second] = urls.map((url) => new URL(url, "http://h"));
  assert.equal(first!.pathname, "/base/api/v3/traces");
  assert.deepEqual(Object.fromEntries(first!.searchParams), {
    "query.startTimeMin": "2023-11-14T22:13:20.000007Z",
    "query.startTimeMax": "2027-01-15T08:00:00.000000Z",
    "query.searchDepth": "200",
    "query.rawTraces": "true",
    "query.serviceName": "cart",
    cursor: "",
  });
  assert.equal(second!.searchParams.get("cursor"), "next one");
});

test("exportServer() ends where a server has nothing more", async () => {
  const nothing = '{"error":{"httpCode":404,"message":"No traces found"}}';
  assert.equal((await exportFrom([404, nothing])).traces, 0);
  assert.equal((await exportFrom([200, page(0, 2, "c")], [404, nothing])).traces, 2);
});

test("exportServer() says when a server without pages may have more", async () => {
  assert.equal((await exportFrom([200, page(0, 199)])).unpaged, 0);
  assert.equal((await exportFrom([200, page(0, 200)])).unpaged, 1);
});

for (const [what, reply] of [
  ["a page that is not there", [404, "<html>"]],
  ["a failure", [500, ""]],
] as const) {
  test(`exportServer() refuses ${what}`, async () => {
    await assert.rejects(exportFrom([...reply]), { code: "unavailable" });
  });
}

for (const [what, body] of [
  ["an answer that is cut off", page(0, 2).slice(0, -20)],
  ["an answer of another kind", '{"result":{"resourceSpans":[{"scopeSpans":7}]}}'],
] as const) {
  test(`exportServer() refuses ${what}`, async () => {
    await assert.rejects(exportFrom([200, body]), { code: "bad-input" });
  });
}
