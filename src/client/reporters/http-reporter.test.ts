// The two reporters by HTTP against real servers: collectors of this project, and peers that misbehave.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { type AddressInfo, type Socket, createServer as createTcpServer } from "node:net";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { SpanBatch } from "../../model/span-batch.ts";
import { type JaegerSender, readJaegerBatch } from "../../wire/jaeger-thrift.ts";
import { writeExportAnswer } from "../../wire/otlp-answer.ts";
import { readOtlpTraces } from "../../wire/otlp-proto.ts";
import { openTestCollector } from "../../../test/open-collector.ts";
import { until } from "../../../test/until.ts";
import { ConstSampler } from "../samplers/const-sampler.ts";
import { Tracer } from "../tracer.ts";
import { type HttpReporterOptions, makeHttpReporter } from "./http-reporter.ts";
import { makeOtlpReporter } from "./otlp-reporter.ts";
import type { QueuedReporter } from "./queued-reporter.ts";
import type { ReporterFigures } from "./reporter-books.ts";
import type { RetryLimits } from "./sending-queue.ts";

const KINDS = [
  { name: "HttpReporter", make: makeHttpReporter },
  { name: "OtlpReporter", make: makeOtlpReporter },
];
const QUICK: RetryLimits = { firstMs: 1, pauseMsMax: 4, ageMsMax: 10_000 };

interface Peer extends AsyncDisposable {
  readonly endpoint: string;
  readonly port: number;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

async function openPeer(listener: Listener, port = 0): Promise<Peer> {
  const server: Server = createServer((request, response) => void listener(request, response));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const { port: own } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${own}`,
    port: own,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function openTcpPeer(onSocket: (socket: Socket) => void): Promise<Peer> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function answer(response: ServerResponse, status: number, headers: object = {}): void {
  response.writeHead(status, { ...headers });
  response.end();
}

function trace(reporter: QueuedReporter, spans: number): Tracer {
  const tracer = new Tracer("shop", reporter, new ConstSampler(true));
  for (let index = 0; index < spans; index++) tracer.startSpan(`op ${index % 3}`).finish();
  return tracer;
}

/** The books add up, with what is said. */
function checkFigures(figures: ReporterFigures, expected: Partial<ReporterFigures>): void {
  const { reported, delivered, queueFull, tooLarge, failed } = figures;
  assert.equal(reported, delivered + queueFull + tooLarge + failed);
  const others = { queueFull: 0, tooLarge: 0, failed: 0, passedOn: 0, cut: 0 };
  assert.deepEqual({ ...figures }, { ...figures, ...others, ...expected });
}

test("HttpReporter and OtlpReporter deliver to a real collector, every span once", async () => {
  await using collector = await openTestCollector(["jaeger-http", "otlp-http"]);
  const jaeger = makeHttpReporter({
    endpoint: `http://127.0.0.1:${collector.port("jaeger-http")}/api/traces`,
  });
  const otlp = makeOtlpReporter({
    endpoint: `http://127.0.0.1:${collector.port("otlp-http")}`,
    gzip: true,
  });
  for (const reporter of [jaeger, otlp]) {
    const tracer = new Tracer(reporter.name, reporter, new ConstSampler(true));
    for (let index = 0; index < 1_200; index++) {
      const span = tracer.startSpan("op").setTag("http.status_code", 500 + (index % 2));
      span.setTag("span.kind", "client").setTag("error", true);
      if (index % 100 === 0) span.log({ event: "hundred", index });
      span.finish();
    }
    await tracer.close();
    checkFigures(reporter.figures, { reported: 1_200, delivered: 1_200 });
  }
  const books = collector.books();
  const spans = Object.values(books).map((columns) => columns["spans stored"]);
  assert.deepEqual(spans, [1_200, 1_200]);
  const printed = await collector.printStored();
  // Both ways a span is the same thing to whoever reads it.
  for (const service of ["HttpReporter", "OtlpReporter"]) assert.match(printed, RegExp(service));
  assert.equal(printed.match(/kind=client status=error/g)?.length, 2_400);
  assert.equal(printed.match(/event .* "hundred"/g)?.length, 24);
});

test("HttpReporter sends credentials, sequence and client stats", async () => {
  const seen: { request: IncomingMessage; sender: JaegerSender; rows: number }[] = [];
  await using peer = await openPeer(async (request, response) => {
    const batch = new SpanBatch();
    const sender = readJaegerBatch(await bodyOf(request), batch);
    seen.push({ request, sender, rows: batch.rows });
    answer(response, 202);
  });
  const url = new URL(peer.endpoint);
  const ways: readonly (readonly [Partial<HttpReporterOptions>, string | undefined])[] = [
    [{}, undefined],
    [{ username: "ann", password: "s:cret" }, `Basic ${btoa("ann:s:cret")}`],
    [{ endpoint: `http://joe:pw%21@${url.host}/x?y=1` }, `Basic ${btoa("joe:pw!")}`],
    [{ token: "abc", username: "ann", password: "p" }, "Bearer abc"],
    [{ headers: { Authorization: "Own", "X-Tenant": "t" } }, "Own"],
  ];
  for (const [options, authorization] of ways) {
    const reporter = makeHttpReporter({ endpoint: peer.endpoint, maxQueueSize: 4, ...options });
    const tracer = trace(reporter, 6);
    await tracer.flush();
    tracer.startSpan("later").finish();
    await tracer.close();
    const [first, , last] = seen.splice(0);
    assert.equal(first!.request.headers.authorization, authorization);
    assert.equal(first!.request.headers["content-type"], "application/x-thrift");
    assert.deepEqual(first!.sender, {
      sequence: 1,
      stats: { queueFull: 0, tooLarge: 0, failedToSend: 0 },
    });
    assert.equal(last!.rows, 1);
    assert.equal(last!.sender.sequence, 3);
    assert.equal(last!.sender.stats?.queueFull, 2);
    checkFigures(reporter.figures, { reported: 7, delivered: 5, queueFull: 2 });
    const path = options.endpoint === undefined ? "/api/traces?" : "/x?y=1&";
    assert.equal(first!.request.url, `${path}format=jaeger.thrift`);
  }
});

test("OtlpReporter zips, reads partial success, and counts what was left out", async () => {
  let rows = 0;
  await using peer = await openPeer(async (request, response) => {
    assert.equal(request.url, "/v1/traces");
    const body = await bodyOf(request);
    const isZipped = request.headers["content-encoding"] === "gzip";
    const batch = new SpanBatch();
    readOtlpTraces(isZipped ? gunzipSync(body) : body, batch);
    rows += batch.rows;
    assert.equal(isZipped, batch.rows > 100);
    response.end(writeExportAnswer({ spans: 3, message: "no" }));
  });
  const reporter = makeOtlpReporter({ endpoint: peer.endpoint, gzip: true });
  const tracer = trace(reporter, 200);
  await tracer.flush();
  tracer.startSpan("few").finish();
  await tracer.close();
  // Of one span no more than one can have been left out.
  checkFigures(reporter.figures, { reported: 201, delivered: 197, failed: 4 });
  assert.equal(rows, 201);
});

for (const { name, make } of KINDS) {
  test(`${name} delivers everything once a collector that was away is back`, async () => {
    const away = await openPeer((_request, response) => answer(response, 200));
    await away[Symbol.asyncDispose]();
    const reporter = make({ endpoint: away.endpoint, retry: QUICK });
    const tracer = trace(reporter, 1_000);
    await tracer.flush();
    tracer.startSpan("in between").finish();
    await tracer.flush();
    checkWaiting(reporter.figures, 1_001);
    let requests = 0;
    await using back = await openPeer(async (request, response) => {
      await bodyOf(request);
      requests++;
      answer(response, 200);
    }, away.port);
    assert.equal(back.port, away.port);
    await until(() => reporter.figures.delivered === 1_001);
    assert.equal(requests, 3);
    await tracer.close();
    checkFigures(reporter.figures, { reported: 1_001, delivered: 1_001 });
  });

  test(`${name} tries again after 429, 503 and 500, and gives up after 400 and 301`, async () => {
    const statuses = [503, 429, 500, 200, 400, 301, 200];
    await using peer = await openPeer(async (request, response) => {
      await bodyOf(request);
      answer(response, statuses.shift()!, { location: "/elsewhere" });
    });
    const reporter = make({ endpoint: peer.endpoint, retry: QUICK });
    for (const spans of [5, 6, 7, 8]) {
      const { delivered, failed } = reporter.figures;
      const tracer = trace(reporter, spans);
      await tracer.flush();
      await until(
        () => reporter.figures.delivered + reporter.figures.failed === delivered + failed + spans,
      );
    }
    await reporter.close();
    assert.deepEqual(statuses, []);
    checkFigures(reporter.figures, { reported: 26, delivered: 13, failed: 13 });
  });

  test(`${name} waits as long as Retry-After says`, async () => {
    const times: number[] = [];
    await using peer = await openPeer(async (request, response) => {
      await bodyOf(request);
      times.push(performance.now());
      answer(response, times.length === 1 ? 503 : 200, { "retry-after": "1" });
    });
    const reporter = make({ endpoint: peer.endpoint, retry: QUICK });
    const tracer = trace(reporter, 2);
    await tracer.flush();
    await until(() => reporter.figures.delivered === 2);
    assert.ok(times[1]! - times[0]! >= 990, `${times[1]! - times[0]!}`);
    await tracer.close();
  });

  test(`${name} gives up what is too old, and everything when it is closed`, async () => {
    await using peer = await openPeer((_request, response) => answer(response, 503));
    const old = make({ endpoint: peer.endpoint, retry: { ...QUICK, ageMsMax: 20 } });
    await trace(old, 3).flush();
    await until(() => old.figures.failed === 3);
    await old.close();
    const closed = make({ endpoint: peer.endpoint });
    await trace(closed, 4).close();
    checkFigures(closed.figures, { reported: 4, delivered: 0, failed: 4 });
  });

  test(`${name} bounds what waits for a collector that is away`, async () => {
    const away = await openPeer((_request, response) => answer(response, 200));
    await away[Symbol.asyncDispose]();
    const reporter = make({ endpoint: away.endpoint, maxQueueSize: 100 });
    const tracer = trace(reporter, 250);
    await tracer.flush();
    for (let index = 0; index < 50; index++) tracer.startSpan("more").finish();
    assert.equal(reporter.figures.queueFull, 200);
    await tracer.close();
    checkFigures(reporter.figures, { reported: 300, delivered: 0, queueFull: 200, failed: 100 });
  });

  test(`${name} ends in time with peers that never answer, or never stop`, async () => {
    const peers: readonly (readonly [string, (socket: Socket) => void, delivered: boolean])[] = [
      ["silence", () => {}, false],
      ["garbage", (socket) => socket.end("garbage\r\n\r\n".repeat(100)), false],
      ["gone", (socket) => socket.destroy(), false],
      ["half a head", (socket) => socket.write("HTTP/1.1 200 OK\r\nx:"), false],
      [
        "endless head",
        (socket) => pour(socket, "HTTP/1.1 200 OK\r\n", "x: y\r\n".repeat(99)),
        false,
      ],
      ["endless body", (socket) => pour(socket, "HTTP/1.1 200 OK\r\n\r\n", "x".repeat(999)), true],
      ["slow body", (socket) => socket.write("HTTP/1.1 200 OK\r\n\r\nx"), true],
      ["body of another format", (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\n\xff\xff"), true],
    ];
    for (const [what, onSocket, isDelivered] of peers) {
      await using peer = await openTcpPeer((socket) => {
        socket.once("data", () => onSocket(socket));
      });
      const reporter = make({ endpoint: peer.endpoint, timeoutMs: 60, waitMsMax: 1_000 });
      const startMs = performance.now();
      await trace(reporter, 2).close();
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs < 900, `${what}: ${tookMs} ms`);
      const expected = isDelivered ? { delivered: 2 } : { delivered: 0, failed: 2 };
      checkFigures(reporter.figures, { reported: 2, ...expected });
    }
  });

  test(`${name} does not wait longer for close() than it says`, async () => {
    await using peer = await openTcpPeer(() => {});
    const reporter = make({ endpoint: peer.endpoint, timeoutMs: 60_000, waitMsMax: 30 });
    const startMs = performance.now();
    await trace(reporter, 2).close();
    assert.ok(performance.now() - startMs < 1_000);
    await until(() => reporter.figures.failed === 2);
  });

  test(`${name} cuts down a span that no collector would take`, async () => {
    let bytes = 0;
    await using peer = await openPeer(async (request, response) => {
      bytes = (await bodyOf(request)).length;
      answer(response, 200);
    });
    const reporter = make({ endpoint: peer.endpoint });
    const tracer = new Tracer("shop", reporter, new ConstSampler(true));
    const span = tracer.startSpan("huge");
    for (let index = 0; index < 100; index++) span.setTag(`t${index}`, "x".repeat(60_000));
    span.finish();
    await tracer.close();
    checkFigures(reporter.figures, { reported: 1, delivered: 1, cut: 1 });
    assert.ok(bytes > 100_000 && bytes < 200_000, `${bytes}`);
  });

  test(`${name} refuses an endpoint that is none, without showing it`, () => {
    for (const endpoint of ["", "collector:14268", "ftp://x/", "http://user:secret@:x"]) {
      assert.throws(
        () => make({ endpoint }),
        (error: Error) =>
          /no URL that begins with http/.test(error.message) && !/secret/.test(error.message),
      );
    }
  });
}

function checkWaiting(figures: ReporterFigures, waiting: number): void {
  checkFigures({ ...figures, reported: figures.reported - waiting }, { reported: 0 });
}

/** As fast as it is read, until the socket is gone. */
function pour(socket: Socket, head: string, more: string): void {
  socket.write(head);
  const next = (): void => {
    while (!socket.destroyed && socket.write(more)) {
      // until its buffer is full
    }
  };
  socket.on("drain", next);
  next();
}
