// The same span by jaeger-client and by this reporter: the packets are equal byte for byte once each
// difference below has been made in theirs. Whoever changes what is sent has to say so here.
//
//   jaeger-client ─ UDP ─▶ bytes ─▶ tree ─ DIFFERENCES ─▶ tree ─▶ bytes
//        span ─▶ UdpReporter ─ UDP ─▶ bytes                         ═

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { printSpans } from "../../model/print-spans.ts";
import { SpanBatch } from "../../model/span-batch.ts";
import { readEmitBatch } from "../../wire/jaeger-thrift.ts";
import { ONEWAY, readThriftMessage } from "../../wire/thrift-message.ts";
import { I64, LIST, STRUCT } from "../../wire/thrift-reader.ts";
import { message } from "../../../test/agent-packets.ts";
import { readStruct } from "../../../test/read-thrift.ts";
import {
  type ThriftField,
  type ThriftValue,
  i64,
  struct,
  writeBinary,
} from "../../../test/thrift-writer.ts";
import { openCatcher } from "../../../test/udp-catcher.ts";
import { SpanContext } from "../span-context.ts";
import type { Span } from "../span.ts";
import { UdpReporter } from "./udp-reporter.ts";

// The package has no types; this is the part that the test uses.
interface TheirContext {
  toString(): string;
}
interface TheirSpan {
  readonly _operationName: string;
  readonly _startTime: number;
  readonly _duration: number;
  readonly _tags: Span["_tags"];
  readonly _logs: Span["_logs"];
  readonly _references: readonly TheirReference[];
  context(): TheirContext;
  setTag(key: string, value: unknown): TheirSpan;
  log(fields: object, timestampMs: number): TheirSpan;
  finish(endMs: number): void;
}
interface TheirReference {
  type(): string;
  referencedContext(): TheirContext;
}
interface TheirReporter {
  report(span: TheirSpan): void;
  flush(done: () => void): void;
  close(done: () => void): void;
}
interface TheirTracer {
  startSpan(name: string, options: object): TheirSpan;
  _process: { readonly tags?: Span["_tags"] };
  _tags: Record<string, unknown>;
}
interface JaegerClient {
  readonly Tracer: new (
    service: string,
    reporter: TheirReporter,
    sampler: object,
    options: object,
  ) => TheirTracer;
  readonly ConstSampler: new (decision: boolean) => object;
  readonly RemoteReporter: new (sender: object, options?: object) => TheirReporter;
}

const require = createRequire(import.meta.url);
const jaeger = require("jaeger-client") as JaegerClient;
const { default: UdpSender } = require("jaeger-client/dist/src/reporters/udp_sender.js") as {
  default: new (options: object) => object;
};
const { Reference, REFERENCE_CHILD_OF, REFERENCE_FOLLOWS_FROM } = require("opentracing") as {
  Reference: new (type: string, context: TheirContext) => TheirReference;
  REFERENCE_CHILD_OF: string;
  REFERENCE_FOLLOWS_FROM: string;
};

/** Of a Tag: the id of the field that its type (field 2) names. */
const VALUE_FIELDS = [3, 4, 5, 6, 7];

interface Difference {
  readonly what: string;
  readonly why: string;
  /** Makes it in the tree of the arguments of emitBatch. */
  readonly change: (tree: ThriftValue) => ThriftValue;
}

const DIFFERENCES: readonly Difference[] = [
  {
    what: "a tag has one value",
    why: "theirs carries all five, four of them empty; the IDL has them optional, readers look at the type",
    change: (tree) => mapStructs(tree, isTag, (fields) => fields.filter(isOfItsType)),
  },
  {
    what: "a span without references or logs has no list of them",
    why: "both are optional; Go's and Java's clients leave them out as well",
    change: (tree) =>
      mapStructs(tree, isSpan, (fields) =>
        fields.filter(([id, value]) => (id !== 6 && id !== 11) || !isEmptyList(value)),
      ),
  },
  {
    what: "the reference to the parent is not sent beside parentSpanId",
    why: "readers make the same CHILD_OF of parentSpanId alone; what it says is said once",
    change: (tree) => mapStructs(tree, isSpan, withoutParent),
  },
  {
    what: "seqNo and stats follow the spans",
    why: "agent and collector count with them what was lost; their client does not fill them",
    change: (tree) =>
      mapStructs(tree, isBatch, (fields) => [
        ...fields,
        [3, i64(1n)],
        [4, struct([1, i64(0n)], [2, i64(0n)], [3, i64(0n)])],
      ]),
  },
];

test("UdpReporter sends a plain span as jaeger-client does", async () => {
  await compare((tracer) => {
    const span = tracer.startSpan("GET /", { startTime: 1_700_000_000_000 });
    span.finish(1_700_000_000_012.25);
    return [span];
  });
});

test("UdpReporter sends tags of all types and logs as jaeger-client does", async () => {
  await compare((tracer) => {
    const span = tracer
      .startSpan("SELECT", { startTime: 1_700_000_000_001.5, tags: { "span.kind": "client" } })
      .setTag("error", true)
      .setTag("http.status_code", 503)
      .setTag("share", 0.25)
      .setTag("héllo", "wörld 🔥")
      .setTag("empty", "")
      .setTag("list", [1, { two: "2" }])
      .setTag("nothing", null)
      .setTag("missing", undefined)
      .setTag("bytes", Buffer.from([0, 255, 7]))
      .setTag("long", "x".repeat(20_000));
    span.log({ event: "retry", attempt: 2, ok: false }, 1_700_000_000_002.125);
    span.log({ message: "again" }, 1_700_000_000_003);
    span.finish(1_700_000_000_004);
    return [span];
  });
});

test("UdpReporter sends parents and references as jaeger-client does", async () => {
  await compare((tracer) => {
    const startTime = 1_700_000_000_000;
    const other = tracer.startSpan("other", { startTime });
    const root = tracer.startSpan("root", { startTime });
    const child = tracer.startSpan("child", { startTime, childOf: root.context() });
    const referring = tracer.startSpan("referring", {
      startTime,
      references: [
        new Reference(REFERENCE_CHILD_OF, root.context()),
        new Reference(REFERENCE_FOLLOWS_FROM, other.context()),
      ],
    });
    const following = tracer.startSpan("following", {
      startTime,
      references: [new Reference(REFERENCE_FOLLOWS_FROM, root.context())],
    });
    const spans = [other, root, child, referring, following];
    for (const span of spans) span.finish(startTime + 1);
    return spans;
  });
});

test("UdpReporter sends flags and many spans as jaeger-client does", async () => {
  await compare((tracer) => {
    const root = tracer.startSpan("root", { startTime: 1_700_000_000_000 });
    root.setTag("sampling.priority", 1);
    const spans = [root];
    for (let index = 0; index < 40; index++) {
      const startTime = 1_700_000_000_000 + index;
      const span = tracer.startSpan(`step ${index}`, { childOf: root.context(), startTime });
      span.setTag("index", `${index % 7}`).setTag("odd", index % 2 === 1);
      spans.push(span);
    }
    for (const span of spans) span.finish(1_700_000_001_000);
    return spans;
  });
});

async function compare(work: (tracer: TheirTracer) => readonly TheirSpan[]): Promise<void> {
  await using catcher = await openCatcher();
  const sender = new UdpSender({ host: "127.0.0.1", port: catcher.port });
  const theirReporter = new jaeger.RemoteReporter(sender, { logger: { error: failWith } });
  const tracer = new jaeger.Tracer("shop", theirReporter, new jaeger.ConstSampler(true), {
    traceId128bit: true,
    tags: { version: "1.2", replicas: 3 },
  });
  const spans = work(tracer);
  await new Promise<void>((resolve) => {
    theirReporter.flush(resolve);
  });
  const theirs = await catcher.next();
  await new Promise<void>((resolve) => {
    theirReporter.close(resolve);
  });

  const tree = readStruct(readThriftMessage(theirs).thrift);
  const expected = DIFFERENCES.reduce((one, { change }) => change(one), tree);
  for (const protocol of ["binary", "compact"] as const) {
    const reporter = new UdpReporter({ host: "127.0.0.1", port: catcher.port, protocol });
    const tags = Object.entries(tracer._tags).map(([key, value]) => ({ key, value }));
    reporter.setProcess({ serviceName: "shop", tags });
    for (const span of spans) reporter.report(asOurs(span));
    await reporter.close();
    const ours = await catcher.next();
    const envelope = readThriftMessage(ours);
    assert.deepEqual(
      [envelope.name, envelope.kind, envelope.protocol],
      ["emitBatch", ONEWAY, protocol],
    );
    assert.deepEqual(readStruct(envelope.thrift), expected);
    assert.deepEqual(ours, message("emitBatch", expected, protocol));
    // The project's reader finds the same in both.
    assert.equal(printPacket(ours), printPacket(theirs));
  }
  for (const { what, change } of DIFFERENCES) assertUseful(what, tree, change);
}

function failWith(message: string): void {
  assert.ok(false, message);
}

/** Their span, read through their fields, with the context that ours would have. */
function asOurs(span: TheirSpan): Span {
  const context = contextOf(span.context());
  return {
    context: () => context,
    _operationName: span._operationName,
    _startTime: span._startTime,
    _duration: span._duration,
    _tags: span._tags,
    _logs: span._logs,
    _references: span._references.map((reference) => ({
      type: () => reference.type(),
      referencedContext: () => contextOf(reference.referencedContext()),
    })),
    _droppedTags: 0,
    _droppedLogs: 0,
  } as unknown as Span;
}

function contextOf(theirs: TheirContext): SpanContext {
  const context = SpanContext.fromString(theirs.toString());
  assert.ok(context !== null);
  return context;
}

/** A change that does nothing in any test would hide a difference that is gone. */
const useful = new Set<string>();
function assertUseful(what: string, tree: ThriftValue, change: Difference["change"]): void {
  const before = writeBinary(tree);
  if (Buffer.compare(before, writeBinary(change(tree))) !== 0) useful.add(what);
}
test("every difference to jaeger-client was met", () => {
  assert.deepEqual([...useful].sort(), DIFFERENCES.map(({ what }) => what).sort());
});

function printPacket(packet: Uint8Array): string {
  const batch = new SpanBatch();
  readEmitBatch(readThriftMessage(packet).thrift, batch);
  return printSpans(batch);
}

type Fields = readonly ThriftField[];

function mapStructs(
  value: ThriftValue,
  isMeant: (fields: Fields) => boolean,
  change: (fields: Fields) => Fields,
): ThriftValue {
  if (value.type === STRUCT) {
    const fields = value.fields.map(([id, field]): ThriftField => [
      id,
      mapStructs(field, isMeant, change),
    ]);
    return { type: STRUCT, fields: isMeant(fields) ? change(fields) : fields };
  }
  if (value.type === LIST) {
    return { ...value, values: value.values.map((one) => mapStructs(one, isMeant, change)) };
  }
  return value;
}

function idsOf(fields: Fields): string {
  return fields.map(([id]) => id).join();
}

function isTag(fields: Fields): boolean {
  return idsOf(fields) === "1,2,3,4,5,6,7";
}

function isOfItsType([id]: ThriftField, _at: number, fields: Fields): boolean {
  const type = fields[1]![1];
  assert.ok("value" in type);
  return id < 3 || id === VALUE_FIELDS[Number(type.value)];
}

function isSpan(fields: Fields): boolean {
  return idsOf(fields).includes("7,8,9");
}

function isBatch(fields: Fields): boolean {
  return idsOf(fields) === "1,2" && fields[1]![1].type === LIST && fields[0]![1].type === STRUCT;
}

function isEmptyList(value: ThriftValue): boolean {
  return value.type === LIST && value.values.length === 0;
}

/** Without the references CHILD_OF whose ids are those of the parent. */
function withoutParent(fields: Fields): Fields {
  const field = (wanted: number): ThriftValue | undefined =>
    fields.find(([id]) => id === wanted)?.[1];
  const ids = [field(1), field(2), field(4)].map(longOf).join();
  return fields.flatMap(([id, value]): ThriftField[] => {
    if (id !== 6 || value.type !== LIST) return [[id, value]];
    const values = value.values.filter((one) => {
      assert.ok(one.type === STRUCT);
      const [type, low, high, span] = one.fields.map(([, part]) => longOf(part));
      return type !== 0n || [low, high, span].join() !== ids;
    });
    return values.length === 0 ? [] : [[id, { ...value, values }]];
  });
}

function longOf(value: ThriftValue | undefined): bigint {
  if (value?.type === I64) return value.value;
  return value !== undefined && "value" in value ? BigInt(Number(value.value)) : 0n;
}
