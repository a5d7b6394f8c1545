// What npm's jaeger-client sends, and what every field of it must be when it is read back.
//
//   openJaegerClient() ─▶ sendJaegerTrace() ─▶ spans to expect ─▶ close()
//
// It speaks through the OpenTracing API: tags of every type, logs, references to several spans, debug
// spans, trace ids of 64 and of 128 bits. Every number is a double, every object its JSON text.
// Not here: which way they go (jaeger-client.test.ts, agent-fields.test.ts).

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { type Attributes, type ExpectedSpan, PLAIN } from "./expected-span.ts";
import { waitFor } from "./running-spoor.ts";

// The part of the package that is used here: it has no types of its own.
interface SpanContext {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
}
interface JaegerSpan {
  context(): SpanContext;
  setTag(key: string, value: unknown): JaegerSpan;
  log(fields: Readonly<Record<string, unknown>>, atMs: number): JaegerSpan;
  finish(atMs: number): void;
}
interface StartOptions {
  readonly childOf?: JaegerSpan;
  readonly references?: readonly unknown[];
  readonly tags?: Readonly<Record<string, unknown>>;
  readonly startTime: number;
}
interface JaegerTracer {
  readonly _tags: Readonly<Record<string, string>>;
  startSpan(name: string, options: StartOptions): JaegerSpan;
  close(done: () => void): void;
}
interface JaegerClient {
  initTracer(config: object, options: object): JaegerTracer;
  readonly opentracing: {
    childOf(context: SpanContext): unknown;
    followsFrom(context: SpanContext): unknown;
  };
}

const jaeger = createRequire(import.meta.url)("jaeger-client") as JaegerClient;
const { opentracing } = jaeger;
const BYTES = Uint8Array.of(0, 1, 0xfe, 0xff);
const SAMPLED = 1;
const DEBUG = 2;

/** Quarters of a millisecond are exact in binary: nothing is rounded on the way to µs. */
const quarterMs = (): number => Date.now() - 10_000 + 0.25;
const nsOf = (ms: number): bigint => BigInt(ms * 1_000) * 1_000n;

export interface JaegerTestClient {
  readonly service: string;
  readonly tracer: JaegerTracer;
  /** What the sampler says of a span that it sampled. */
  readonly sampler: Attributes;
  /** Sends what is left. @throws AssertionError if the client has met with an error. */
  close(): Promise<void>;
}

export interface JaegerTestClientOptions {
  readonly service: string;
  readonly traceId128bit: boolean;
  /** As the package's configuration has it. */
  readonly reporter: Readonly<Record<string, unknown>>;
  /** `host:port` to ask how to sample, and to be told 1; without it everything is sampled. */
  readonly askAt?: string;
}

/** Often enough to be told soon. */
const ASK_EVERY_MS = 20;

/** Resolves when it was told how to sample. */
export async function openJaegerClient(
  options: JaegerTestClientOptions,
): Promise<JaegerTestClient> {
  const { service, traceId128bit, reporter, askAt } = options;
  const errors: string[] = [];
  let isTold = false;
  const isRemote = askAt !== undefined;
  const tracer = jaeger.initTracer(
    {
      serviceName: service,
      traceId128bit,
      ...(isRemote ? {} : { sampler: { type: "const", param: 1 } }),
      reporter,
    },
    {
      logger: { info: () => undefined, error: (text: string) => void errors.push(text) },
      tags: { "shop.región": "méxico", "shop.floors": 3, "shop.open": true },
      hostPort: askAt,
      refreshInterval: ASK_EVERY_MS,
      onSamplerUpdate: () => void (isTold = true),
    },
  );
  const client: JaegerTestClient = {
    service,
    tracer,
    sampler: [
      ["sampler.type", isRemote ? "probabilistic" : "const"],
      ["sampler.param", isRemote ? 1 : true],
    ],
    async close() {
      const closed = Promise.withResolvers<void>();
      tracer.close(closed.resolve);
      await closed.promise;
      assert.deepEqual(errors, []);
    },
  };
  if (isRemote) {
    await waitFor("how to sample", () => isTold || undefined).catch(async (error: unknown) => {
      await client.close();
      throw error;
    });
  }
  return client;
}

function processTags({ _tags: tags }: JaegerTracer): Attributes {
  assert.match(tags["client-uuid"] ?? "", /^[0-9a-f-]{36}$/);
  return [
    ["shop.región", "méxico"],
    ["shop.floors", 3],
    ["shop.open", true],
    ["jaeger.version", "Node-3.19.0"],
    ...(["hostname", "ip", "client-uuid"] as const).map((key) => [key, tags[key] ?? ""] as const),
  ];
}

/** What all spans of a client have in common, and its ids. */
function common(client: JaegerTestClient, span: JaegerSpan, flags: number): ExpectedSpan {
  const { traceId, spanId } = span.context();
  return {
    ...PLAIN,
    service: client.service,
    resource: processTags(client.tracer),
    traceId: traceId.toString("hex").padStart(32, "0"),
    spanId: spanId.toString("hex"),
    name: "",
    startNs: 0n,
    durationNs: 0n,
    flags: flags & SAMPLED,
    jaegerFlags: flags,
    format: "jaeger",
  };
}

function linkTo(
  span: JaegerSpan,
  type: "child_of" | "follows_from",
): ExpectedSpan["links"][number] {
  const { traceId, spanId } = span.context();
  return {
    traceId: traceId.toString("hex").padStart(32, "0"),
    spanId: spanId.toString("hex"),
    traceState: "",
    flags: 0,
    attributes: [["opentracing.ref_type", type]],
    dropped: 0,
  };
}

/** Finishes the spans of one trace, which go out when the client is closed. */
export function sendJaegerTrace(client: JaegerTestClient): ExpectedSpan[] {
  const { tracer } = client;
  const atMs = quarterMs();

  const elsewhere = tracer.startSpan("elsewhere", { startTime: atMs });
  const root = tracer.startSpan("GET /κόσμε", {
    startTime: atMs,
    tags: {
      "span.kind": "server",
      text: "naïve 日本語 🦀",
      "text.empty": "",
      int: 42,
      "int.big": 2 ** 60,
      double: -0.5,
      yes: true,
      no: false,
      bytes: Buffer.from(BYTES),
      object: { b: [1, "ü"], a: null },
      error: true,
    },
  });
  root.log({ event: "start", attempt: 1, "is.first": true, note: "ünï" }, atMs + 1.5);
  root.log({ message: "no event here", raw: Buffer.from(BYTES) }, atMs + 2.75);
  const child = tracer.startSpan("child", { childOf: root, startTime: atMs + 10 });
  const after = tracer.startSpan("after", {
    references: [opentracing.followsFrom(child.context())],
    startTime: atMs + 12,
  });
  const joined = tracer.startSpan("joined", {
    references: [
      opentracing.childOf(root.context()),
      opentracing.followsFrom(child.context()),
      opentracing.childOf(elsewhere.context()),
    ],
    tags: { "span.kind": "consumer" },
    startTime: atMs + 20,
  });
  joined.finish(atMs + 30);
  after.finish(atMs + 12);
  child.finish(atMs + 12.5);
  root.finish(atMs + 100.5);

  const parentSpanId = root.context().spanId.toString("hex");
  return [
    {
      ...common(client, root, SAMPLED),
      name: "GET /κόσμε",
      kind: "server",
      status: "ERROR",
      startNs: nsOf(atMs),
      durationNs: nsOf(100.5),
      attributes: [
        ...client.sampler,
        ["text", "naïve 日本語 🦀"],
        ["text.empty", ""],
        ["int", 42],
        ["int.big", 2 ** 60],
        ["double", -0.5],
        ["yes", true],
        ["no", false],
        ["bytes", BYTES],
        ["object", '{"b":[1,"ü"],"a":null}'],
      ],
      events: [
        {
          timeNs: nsOf(atMs + 1.5),
          name: "start",
          attributes: [
            ["attempt", 1],
            ["is.first", true],
            ["note", "ünï"],
          ],
          dropped: 0,
        },
        {
          timeNs: nsOf(atMs + 2.75),
          name: "",
          attributes: [
            ["message", "no event here"],
            ["raw", BYTES],
          ],
          dropped: 0,
        },
      ],
    },
    {
      ...common(client, child, SAMPLED),
      name: "child",
      parentSpanId,
      startNs: nsOf(atMs + 10),
      durationNs: nsOf(2.5),
    },
    {
      ...common(client, after, SAMPLED),
      name: "after",
      parentSpanId: child.context().spanId.toString("hex"),
      links: [linkTo(child, "follows_from")],
      startNs: nsOf(atMs + 12),
      durationNs: 0n,
    },
    {
      ...common(client, joined, SAMPLED),
      name: "joined",
      kind: "consumer",
      parentSpanId,
      links: [linkTo(child, "follows_from"), linkTo(elsewhere, "child_of")],
      startNs: nsOf(atMs + 20),
      durationNs: nsOf(10),
    },
  ];
}

/** One span that somebody wants to see whatever the sampler says. */
export function sendJaegerDebugSpan(client: JaegerTestClient): ExpectedSpan[] {
  const atMs = quarterMs();
  const span = client.tracer.startSpan("debugged", { startTime: atMs });
  span.setTag("sampling.priority", 1);
  span.finish(atMs + 1);
  return [
    {
      ...common(client, span, SAMPLED | DEBUG),
      name: "debugged",
      startNs: nsOf(atMs),
      durationNs: nsOf(1),
      attributes: [...client.sampler, ["sampling.priority", 1]],
    },
  ];
}
