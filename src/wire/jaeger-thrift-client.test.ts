// Spans of npm's jaeger-client, written by its own code (thriftrw), bare and as its UDP message.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { type JaegerSender, readEmitBatch, readJaegerBatch } from "./jaeger-thrift.ts";
import { readThriftMessage } from "./thrift-message.ts";

// Neither package has types; this is the part that the test uses.
interface Written {
  readonly err?: Error;
  readonly value: Buffer;
}
interface Rw {
  toBuffer(value: unknown): Written;
}
interface ThriftIdl {
  readonly Batch: { readonly rw: Rw };
  readonly Agent: {
    readonly emitBatch: {
      readonly argumentsMessageRW: unknown;
      readonly ArgumentsMessage: new (message: unknown) => unknown;
    };
  };
}
interface Thriftrw {
  readonly Thrift: new (options: object) => ThriftIdl;
}
interface Span {
  setTag(key: string, value: unknown): Span;
  log(fields: object, timestampMs: number): void;
  finish(endMs: number): void;
  context(): unknown;
}
interface Tracer {
  startSpan(name: string, options: object): Span;
}
interface JaegerClient {
  readonly Tracer: new (
    service: string,
    reporter: object,
    sampler: object,
    options: object,
  ) => Tracer;
  readonly ConstSampler: new (decision: boolean) => object;
}

const require = createRequire(import.meta.url);
const jaeger = require("jaeger-client") as JaegerClient;
const { Thrift } = require("thriftrw") as Thriftrw;
// The buffers that thriftrw itself writes with.
const bufrw = createRequire(require.resolve("thriftrw"))("bufrw") as {
  toBuffer(rw: unknown, value: unknown): Buffer;
};
const folder = join(dirname(require.resolve("jaeger-client/package.json")), "dist/src");
const thriftOf = (
  require("jaeger-client/dist/src/thrift.js") as { default: { spanToThrift(span: Span): unknown } }
).default;

const idl = new Thrift({
  entryPoint: join(folder, "thriftrw-idl/agent.thrift"),
  allowOptionalArguments: true,
  allowFilesystemAccess: true,
});
const { Batch } = new Thrift({
  entryPoint: join(folder, "jaeger-idl/thrift/jaeger.thrift"),
  allowOptionalArguments: true,
  allowFilesystemAccess: true,
});

/** What the client makes of two finished spans. */
function makeBatch(): object {
  const spans: unknown[] = [];
  const reporter = {
    report: (span: Span) => spans.push(thriftOf.spanToThrift(span)),
    setProcess: () => {},
    close: () => {},
  };
  const sampler = new jaeger.ConstSampler(true);
  const tracer = new jaeger.Tracer("shop", reporter, sampler, { traceId128bit: true });
  const root = tracer.startSpan("GET /", { startTime: 1_700_000_000_000.5 });
  const child = tracer.startSpan("SELECT", {
    childOf: root.context(),
    startTime: 1_700_000_000_001,
  });
  child
    .setTag("span.kind", "client")
    .setTag("error", true)
    .setTag("rows", 3.5)
    .setTag("héllo", "🔥");
  child.log({ event: "retry", attempt: 2, big: { nested: [1] } }, 1_700_000_000_002);
  child.finish(1_700_000_000_003);
  root.finish(1_700_000_000_010);
  const process = { serviceName: "shop", tags: [] };
  return { process, spans };
}

const start = /< [0-9a-f]{16}|[0-9a-f]{32}:[0-9a-f]{16}/g;
const printed = [
  "resource 0",
  '  service.name="shop"',
  "scope 0",
  'span ID ID "SELECT" start=1700000000001000us duration=2000000ns kind=client status=error flags=1 ' +
    "origin=jaeger-thrift",
  "  rows=3.5d",
  '  "héllo"="🔥"',
  '  event 1700000000002000us "retry"',
  "    attempt=2d",
  String.raw`    big="{\"nested\":[1]}"`,
  'span ID "GET /" start=1700000000000500us duration=9500000ns flags=1 origin=jaeger-thrift',
  '  sampler.type="const"',
  "  sampler.param=true",
].join("\n");

const readMessage = (bytes: Uint8Array, batch: SpanBatch): JaegerSender =>
  readEmitBatch(readThriftMessage(bytes).thrift, batch);

const writers: readonly (readonly [
  what: string,
  write: (batch: object) => Uint8Array,
  read: typeof readJaegerBatch,
])[] = [
  ["over HTTP", (batch) => Batch.rw.toBuffer(batch).value, readJaegerBatch],
  [
    "over UDP",
    (batch) => {
      const { ArgumentsMessage, argumentsMessageRW } = idl.Agent.emitBatch;
      const message = new ArgumentsMessage({ version: 1, id: 0, body: { batch } });
      return bufrw.toBuffer(argumentsMessageRW, message);
    },
    readMessage,
  ],
];

for (const [what, write, read] of writers) {
  test(`jaeger-client's spans come ${what} as it made them`, () => {
    const batch = new SpanBatch();
    read(write(makeBatch()), batch);
    assert.equal(printSpans(batch).replaceAll(start, "ID"), printed);
    assert.equal(batch.rows, 2);
    assert.deepEqual(batch.parentSpanId.slice(0, 8), batch.spanId.slice(8, 16));
    assert.deepEqual(batch.traceId.slice(0, 16), batch.traceId.slice(16, 32));
  });
}
