// One client library in a process of its own: starts and finishes spans, and says what that cost.
//
//   node bench/client-spans.ts spoor sampled 200000 41234 ─▶ {"cpuUsPerSpan":…,"userUsPerSpan":…,"lost":…}
//
// A span has five tags: three texts (one of a thousand values), a status, a number that is never the same.
// sampled: in bursts, each followed by a turn of the event loop and a flush, so that every library sends
//   all of its spans with batches of a size that it chooses within the burst
// unsampled: the sampler says no to each; nothing is sent
// waiting: finished spans for a collector that is away; bytes of memory each
//
// CPU is that of the whole process: garbage collection, compilation in other threads, the kernel's part
// of sending. Not here: who compares (client.ts).

import { createRequire } from "node:module";

/** What every library is asked for. */
interface Subject {
  span(name: string, url: string, number: number): void;
  flush(): Promise<void>;
  close(): Promise<void>;
  /** Spans that the library says it did not send. */
  lost(): number;
}

interface Asked {
  readonly mode: "sampled" | "unsampled" | "waiting";
  readonly spans: number;
  readonly port: number;
}

type Open = (asked: Asked) => Promise<Subject>;

/** Spans between two flushes: what a busy server finishes in some milliseconds, and less than any queue. */
const BURST = 500;
const URLS = Array.from({ length: 1_000 }, (_, index) => `/users/${index}/orders`);
const LATER_MS = 1_000_000;

const require = createRequire(import.meta.url);

const LIBRARIES: Readonly<Record<string, Open>> = {
  spoor: openSpoor,
  "jaeger-client": openJaegerClient,
  opentelemetry: openOpenTelemetry,
};

async function openSpoor({ mode, spans, port }: Asked): Promise<Subject> {
  const { Tracer } = await import("../src/client/tracer.ts");
  const { ConstSampler } = await import("../src/client/samplers/const-sampler.ts");
  const { UdpReporter } = await import("../src/client/reporters/udp-reporter.ts");
  const { makeHttpReporter } = await import("../src/client/reporters/http-reporter.ts");
  const reporter =
    mode === "waiting"
      ? makeHttpReporter({ endpoint: `http://127.0.0.1:${port}`, maxQueueSize: spans + 1 })
      : new UdpReporter({ host: "127.0.0.1", port });
  const tracer = new Tracer("shop", reporter, new ConstSampler(mode !== "unsampled"));
  return {
    span(name, url, number) {
      tracer
        .startSpan(name)
        .setTag("component", "http")
        .setTag("http.method", "GET")
        .setTag("http.url", url)
        .setTag("http.status_code", 200)
        .setTag("order", number)
        .finish();
    },
    flush: () => tracer.flush(),
    close: () => tracer.close(),
    lost: () => reporter.figures.reported - reporter.figures.delivered,
  };
}

// The package has no types; this is the part that is used.
interface JaegerSpan {
  setTag(key: string, value: unknown): JaegerSpan;
  finish(): void;
}
interface JaegerReporter {
  flush(done: () => void): void;
}
interface JaegerClient {
  readonly Tracer: new (
    service: string,
    reporter: JaegerReporter,
    sampler: object,
  ) => { startSpan(name: string): JaegerSpan; close(done: () => void): void };
  readonly ConstSampler: new (decision: boolean) => object;
  readonly RemoteReporter: new (sender: object, options: object) => JaegerReporter;
}

function openJaegerClient({ mode, port }: Asked): Promise<Subject> {
  const jaeger = require("jaeger-client") as JaegerClient;
  const sender = (name: string, options: object): object => {
    const { default: Sender } = require(`jaeger-client/dist/src/reporters/${name}.js`) as {
      default: new (options: object) => object;
    };
    return new Sender(options);
  };
  let lost = 0;
  const logger = { error: () => lost++, info: () => {} };
  const reporter = new jaeger.RemoteReporter(
    mode === "waiting"
      ? sender("http_sender", { endpoint: "http://127.0.0.1:1", maxSpanBatchSize: LATER_MS })
      : sender("udp_sender", { host: "127.0.0.1", port, logger }),
    { logger, bufferFlushInterval: mode === "waiting" ? LATER_MS : 1_000 },
  );
  const sampler = new jaeger.ConstSampler(mode !== "unsampled");
  const tracer = new jaeger.Tracer("shop", reporter, sampler);
  return Promise.resolve({
    span(name, url, number) {
      tracer
        .startSpan(name)
        .setTag("component", "http")
        .setTag("http.method", "GET")
        .setTag("http.url", url)
        .setTag("http.status_code", 200)
        .setTag("order", number)
        .finish();
    },
    flush: () =>
      new Promise((resolve) => {
        reporter.flush(resolve);
      }),
    close: () =>
      new Promise((resolve) => {
        tracer.close(resolve);
      }),
    lost: () => lost,
  });
}

async function openOpenTelemetry({ mode, spans, port }: Asked): Promise<Subject> {
  const sdk = await import("@opentelemetry/sdk-trace-base");
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-proto");
  const { resourceFromAttributes } = await import("@opentelemetry/resources");
  const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${port}/v1/traces` });
  const processor = new sdk.BatchSpanProcessor(
    exporter,
    mode === "waiting"
      ? { maxQueueSize: spans + 1, maxExportBatchSize: spans + 1, scheduledDelayMillis: LATER_MS }
      : {},
  );
  const provider = new sdk.BasicTracerProvider({
    sampler: mode === "unsampled" ? new sdk.AlwaysOffSampler() : new sdk.AlwaysOnSampler(),
    spanProcessors: [processor],
    resource: resourceFromAttributes({ "service.name": "shop" }),
  });
  const tracer = provider.getTracer("bench");
  return {
    span(name, url, number) {
      tracer
        .startSpan(name)
        .setAttribute("component", "http")
        .setAttribute("http.method", "GET")
        .setAttribute("http.url", url)
        .setAttribute("http.status_code", 200)
        .setAttribute("order", number)
        .end();
    },
    flush: () => processor.forceFlush(),
    close: () => provider.shutdown(),
    lost: () => 0,
  };
}

async function measureCpu(subject: Subject, { mode, spans }: Asked): Promise<object> {
  const run = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += BURST) {
      for (let index = 0; index < BURST; index++) {
        subject.span("GET /users", URLS[(done + index) % URLS.length]!, done + index);
      }
      if (mode === "sampled") {
        await turn();
        await subject.flush();
      }
    }
  };
  // What runs for hours is compiled: a fifth of the work before it is measured, and not too little.
  await run(Math.max(spans / 5, 20_000));
  await turn();
  const lostBefore = subject.lost();
  const start = process.cpuUsage();
  await run(spans);
  const { user, system } = process.cpuUsage(start);
  const lost = subject.lost() - lostBefore;
  return { cpuUsPerSpan: (user + system) / spans, systemUsPerSpan: system / spans, lost };
}

/** @returns bytes a span, of heap and of buffers outside of it. */
function measureWaiting(subject: Subject, { spans }: Asked): object {
  const first = 1_000;
  for (let index = 0; index < first; index++) subject.span("GET /users", URLS[0]!, index);
  const before = heldBytes();
  for (let index = 0; index < spans - first; index++) {
    subject.span("GET /users", URLS[index % URLS.length]!, index);
  }
  return { bytesPerSpan: (heldBytes() - before) / (spans - first) };
}

function heldBytes(): number {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("run with --expose-gc");
  gc();
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function main([library, mode, spans, port]: readonly string[]): Promise<void> {
  const open = LIBRARIES[library ?? ""];
  if (open === undefined) throw new Error(`no library ${library}`);
  const asked = { mode: mode as Asked["mode"], spans: Number(spans), port: Number(port) };
  const subject = await open(asked);
  const found =
    asked.mode === "waiting" ? measureWaiting(subject, asked) : await measureCpu(subject, asked);
  process.stdout.write(`${JSON.stringify(found)}\n`);
  // What waits for a collector that is away would be waited for.
  if (asked.mode !== "waiting") await subject.close();
  process.exit(0);
}

await main(process.argv.slice(2));
