// The door itself: pages, headers, gzip, tokens, failures of the store, peers that go away, big traces.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { START_US, TRACE_ID, addSpans, makeTrace } from "../../test/make-trace.ts";
import { type TestAnswer, openTestQuery, withMethods, withTokens } from "../../test/open-query.ts";
import { openRawPeer } from "../../test/raw-peer.ts";
import { until } from "../../test/until.ts";
import { type ErrorCode, SpoorError } from "../base/errors.ts";
import { type LogFields, silentLog } from "../base/log.ts";
import { MetricsRegistry } from "../base/metrics.ts";
import { parseSettings } from "../base/parse-settings.ts";
import { SpanBatch } from "../model/span-batch.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { openQuery } from "./query.ts";
import { querySettings } from "./settings.ts";

for (const path of ["/", "/search", "/trace/abc", "/dependencies", "/monitor?service=a"]) {
  test(`GET ${path} is the page`, async () => {
    await using query = await openTestQuery([], [makeTrace({ id: 1 })]);
    const answer = await query.get(path);
    assert.deepEqual([answer.status, answer.type], [200, "text/html; charset=utf-8"]);
    assert.ok(answer.text.includes('<a href="/api/traces?service=shop&amp;limit=20'));
  });
}

for (const [method, path] of [
  ["GET", "/static/none.js"],
  ["GET", "/api/no-such-route"],
  ["POST", "/api/no-such-route"],
  ["GET", "/api/v3/no-such-route"],
  ["GET", "/api/metrics/none?service=a"],
  ["GET", `/api/traces/${TRACE_ID}/`],
] as const) {
  test(`${method} ${path} is 404 in plain text`, async () => {
    await using query = await openTestQuery([], [makeTrace({ id: 1 })]);
    const answer = await query.get(path, { method });
    assert.deepEqual([answer.status, answer.text], [404, "404 page not found\n"]);
    assert.equal(answer.type, "text/plain; charset=utf-8");
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  });
}

test("--query.base-path stands before every route and every link", async () => {
  await using query = await openTestQuery(["--query.base-path=/jaeger"], [makeTrace({ id: 1 })]);
  assert.deepEqual((await query.get("/jaeger/api/services")).status, 200);
  assert.deepEqual((await query.get("/api/services")).status, 404);
  assert.ok((await query.get("/jaeger")).text.includes('href="/jaeger/api/traces?service=shop'));
  assert.equal((await query.get("/jaeger/api/v3/traces/x")).status, 400);
});

test("--query.additional-headers are on every answer", async () => {
  const flags = [
    "--query.additional-headers=Access-Control-Allow-Origin: *",
    "--query.additional-headers=X-A: b",
  ];
  await using query = await openTestQuery(flags);
  for (const path of ["/", "/api/services", "/api/traces", "/api/v3/traces/x"]) {
    const { headers } = await query.get(path);
    assert.equal(headers.get("access-control-allow-origin"), "*");
    assert.equal(headers.get("x-a"), "b");
  }
});

test("without a setting no answer speaks of CORS", async () => {
  await using query = await openTestQuery();
  const { headers } = await query.get("/api/services", {
    headers: { origin: "https://a.example" },
  });
  assert.equal(headers.get("access-control-allow-origin"), null);
});

test("--query.http.cors.allowed-origins lets pages of those origins ask, and no others", async () => {
  await using query = await openTestQuery([
    "--query.http.cors.allowed-origins=https://grafana.example",
  ]);
  const ask = (origin: string): Promise<TestAnswer> =>
    query.get("/api/services", { headers: { origin } });
  const own = await ask("https://grafana.example");
  assert.equal(own.headers.get("access-control-allow-origin"), "https://grafana.example");
  const other = await ask("https://evil.example");
  assert.equal(other.headers.get("access-control-allow-origin"), null);
});

for (const [what, spans, framing] of [
  ["a small answer", 10, /content-length: /i],
  ["a large one, in chunks,", 3_000, /transfer-encoding: chunked/i],
] as const) {
  test(`${what} is packed for who asks, and only then`, async () => {
    const trace = makeTrace(...Array.from({ length: spans }, (_, at) => ({ id: at + 1 })));
    await using query = await openTestQuery([], [trace]);
    const peer = await openRawPeer(query.httpPort);
    const head = `GET /api/traces/${TRACE_ID} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n`;
    peer.write(`${head}accept-encoding: gzip\r\n\r\n`);
    const packed = await peer.untilClosed();
    const [fields] = packed.split("\r\n\r\n", 1);
    assert.match(fields!, /content-encoding: gzip/i);
    assert.match(fields!, framing);
    const body = packed.slice(fields!.length + 4);
    const bytes = Buffer.from(/chunked/i.test(fields!) ? unchunk(body) : body, "latin1");
    const text = gunzipSync(bytes).toString();
    assert.ok(text.startsWith(`{"data":[{"traceID":"${TRACE_ID}"`));
    assert.equal((JSON.parse(text) as { data: { spans: [] }[] }).data[0]!.spans.length, spans);
    const plain = await openRawPeer(query.httpPort);
    plain.write(`${head}\r\n`);
    assert.doesNotMatch(await plain.untilClosed(), /content-encoding/i);
  });
}

function unchunk(text: string): string {
  let body = "";
  for (let at = 0; ;) {
    const end = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, end), 16);
    if (!(size > 0)) return body;
    body += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}

test("the bearer token of a request reaches the store, if it shall", async () => {
  const seen: (string | undefined)[] = [];
  const look = (store: TraceStore): TraceStore => withTokens(store, (token) => seen.push(token));
  const headers = { authorization: "Bearer secret" };
  {
    const flags = ["--query.bearer-token-propagation=true"];
    await using query = await openTestQuery(flags, [], { wrap: look });
    await query.get("/api/services", { headers });
    await query.get("/api/traces?traceID=1&traceID=2", { headers });
    await query.get("/api/services");
  }
  await using query = await openTestQuery([], [], { wrap: look });
  await query.get("/api/services", { headers });
  assert.deepEqual(seen, ["secret", "secret", "secret", undefined, undefined]);
});

const failures: readonly (readonly [ErrorCode, number])[] = [
  ["unavailable", 500],
  ["unsupported", 501],
  ["overloaded", 429],
  ["bad-input", 400],
];
for (const [code, status] of failures) {
  test(`a store that says ${code} is told as ${status}`, async () => {
    const fail = (): Promise<never> =>
      Promise.reject(new SpoorError(code, "no luck", { shard: 3 }));
    const failEach = async function* (): AsyncGenerator<never> {
      yield await fail();
    };
    await using query = await openTestQuery([], [], {
      wrap: (store) =>
        withMethods(store, {
          findEach: failEach,
          readTraces: fail,
          services: fail,
          dependencies: fail,
        }),
    });
    const msg = "no luck (shard 3)";
    const paths = ["services", "traces?service=a", "traces/1", "traces?traceID=1", "dependencies"];
    for (const path of paths) {
      const answer = await query.get(`/api/${path}`);
      assert.equal(answer.status, status, path);
      const envelope = answer.json() as Record<string, unknown>;
      assert.deepEqual(envelope["errors"], [{ code: status, msg }]);
    }
    const answer = await query.get("/api/v3/services");
    assert.deepEqual(answer.json(), { error: { httpCode: status, message: msg } });
    assert.equal(answer.status, status);
  });
}

test("a search ends when its peer goes away", async () => {
  let signal: AbortSignal | undefined;
  await using query = await openTestQuery([], [], {
    wrap: (store) =>
      withMethods(store, {
        async *findEach(_query, own) {
          signal = own;
          await new Promise((_resolve, reject) => {
            own.addEventListener("abort", () => reject(new SpoorError("unavailable", "cancelled")));
          });
          yield* [];
        },
      }),
  });
  const peer = await openRawPeer(query.httpPort);
  peer.write("GET /api/traces?service=a HTTP/1.1\r\nhost: a\r\n\r\n");
  await until(() => signal !== undefined);
  peer.socket.destroy();
  await until(() => signal?.aborted === true);
});

test("routes of other roles are served too", async () => {
  await using query = await openTestQuery([], [], {
    moreRoutes: [
      { method: "GET", path: "/api/ledger", handle: () => ({ status: 200, body: "[]" }) },
    ],
  });
  assert.equal((await query.get("/api/ledger")).text, "[]");
});

test("questions to the store are counted, by their new and by their old names", async () => {
  const fail = (): Promise<never> => Promise.reject(new SpoorError("unavailable", "no luck"));
  await using query = await openTestQuery([], [makeTrace({ id: 1 }), makeTrace({ id: 2 })], {
    wrap: (store) => withMethods(store, { operations: fail }),
  });
  await query.get("/api/traces?service=shop");
  await query.get(`/api/traces/${TRACE_ID}`);
  await query.get("/api/services");
  await query.get("/api/v3/services");
  await query.get("/api/operations?service=shop");
  const requests = query.metrics("jaeger_query_requests_total");
  assert.deepEqual(requests.sort(), [
    'jaeger_query_requests_total{operation="find_traces",result="ok"} 1',
    'jaeger_query_requests_total{operation="get_operations",result="err"} 1',
    'jaeger_query_requests_total{operation="get_services",result="ok"} 2',
    'jaeger_query_requests_total{operation="get_trace",result="ok"} 1',
  ]);
  assert.equal(query.metrics("jaeger_query_latency_count").length, 4);
  const shown = (name: string): string | undefined => query.metrics(name)[0];
  assert.equal(
    shown("jaeger_query_responses_count"),
    'jaeger_query_responses_count{operation="find_traces"} 1',
  );
  assert.equal(shown("jaeger_get_services_attempts"), "jaeger_get_services_attempts 2");
  assert.equal(shown("jaeger_get_services_successes"), "jaeger_get_services_successes 2");
  assert.equal(shown("jaeger_get_operations_errors"), "jaeger_get_operations_errors 1");
  assert.equal(shown("jaeger_find_traces_okLatency_count"), "jaeger_find_traces_okLatency_count 1");
  assert.equal(
    shown("jaeger_get_operations_errLatency_count"),
    "jaeger_get_operations_errLatency_count 1",
  );
});

const otlp = {
  resourceSpans: [
    {
      resource: { attributes: [{ key: "service.name", value: { stringValue: "file" } }] },
      scopeSpans: [
        {
          spans: ["01", "02", "01"].map((byte, index) => ({
            traceId: byte.repeat(16),
            spanId: `0${index + 1}`.repeat(8),
            name: `n${index}`,
            startTimeUnixNano: "1700000000000000000",
            endTimeUnixNano: "1700000000001000000",
          })),
        },
      ],
    },
  ],
};

test("POST /api/transform shows OTLP as traces", async () => {
  await using query = await openTestQuery();
  const body = JSON.stringify(otlp);
  const answer = await query.get("/api/transform", { method: "POST", body });
  assert.deepEqual([answer.status, answer.type], [200, "application/json"]);
  const { data, errors } = answer.json() as {
    data: { traceID: string; spans: { operationName: string }[] }[];
    errors: unknown;
  };
  assert.equal(errors, null);
  assert.deepEqual(
    data.map(({ traceID, spans }) => [traceID, spans.map((span) => span.operationName)]),
    [
      ["01".repeat(16), ["n0", "n2"]],
      ["02".repeat(16), ["n1"]],
    ],
  );
  assert.deepEqual((await query.get("/api/services")).json(), {
    data: [],
    total: 0,
    limit: 0,
    offset: 0,
    errors: null,
  });
});

for (const body of ["", "{", "[]", '{"resourceSpans":1}']) {
  test(`POST /api/transform refuses ${JSON.stringify(body)}`, async () => {
    await using query = await openTestQuery();
    const answer = await query.get("/api/transform", { method: "POST", body });
    assert.deepEqual([answer.status, answer.type], [400, "text/plain; charset=utf-8"]);
    assert.match(answer.text, /"code":400,"msg":"cannot unmarshal OTLP : [^"]/);
  });
}

test("a trace of 100,000 spans is answered whole", async () => {
  const spans = Array.from({ length: 100_000 }, (_, index) => ({
    id: index + 1,
    parent: index === 0 ? 0 : Math.floor((index - 1) / 3) + 1,
    name: `step ${index % 50}`,
    startUs: START_US + index,
    attributes: { "http.method": "GET", "http.status_code": 200n, index: BigInt(index) },
  }));
  await using query = await openTestQuery([], [addSpans(new SpanBatch(), spans)]);
  const { data } = (await query.get(`/api/traces/${TRACE_ID}`)).json() as {
    data: { spans: unknown[] }[];
  };
  assert.equal(data[0]?.spans.length, spans.length);
});

test("close() ends both doors, twice is harmless", async () => {
  const query = await openTestQuery();
  await query[Symbol.asyncDispose]();
  await query[Symbol.asyncDispose]();
  await assert.rejects(query.get("/api/services"));
});

test("openQuery() leaves nothing open when a door cannot be opened", async () => {
  await using query = await openTestQuery();
  const flags = [
    "--query.http-server.host-port=127.0.0.1:0",
    `--query.grpc-server.host-port=127.0.0.1:${query.grpcPort}`,
  ];
  const opened: number[] = [];
  const log = {
    ...silentLog,
    debug: (_: string, fields?: LogFields) => opened.push(portOf(fields)),
  };
  const { config } = parseSettings({ table: querySettings, argv: flags, env: {} });
  const registry = new MetricsRegistry();
  const { store, clock } = query;
  const options = { config, store, registry, log, clock, onBug: assert.ifError };
  await assert.rejects(openQuery(options), { code: "unavailable" });
  assert.equal(opened.length, 1);
  await assert.rejects(fetch(`http://127.0.0.1:${opened[0]}/api/services`));
});

function portOf(fields: LogFields | undefined): number {
  return Number(String(fields?.["address"]).split(":").at(-1));
}

test("openQuery() opens no door whose address is empty", async () => {
  const argv = ["--query.http-server.host-port=", "--query.grpc-server.host-port="];
  const { config } = parseSettings({ table: querySettings, argv, env: {} });
  const query = await openTestQuery();
  const { store, clock } = query;
  const registry = new MetricsRegistry();
  const options = { config, store, registry, log: silentLog, clock, onBug: assert.ifError };
  const closed = await openQuery(options);
  assert.deepEqual(closed.addresses, []);
  await closed.ready();
  await closed.close(0);
  await query[Symbol.asyncDispose]();
});
