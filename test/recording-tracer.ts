// A tracer that keeps its spans, and how often each was finished.
//
//   tracer.startSpan ─▶ spans (started, in order) ─▶ finished(span): 0 while it runs, never to be 2

import { createRequire } from "node:module";
import type { SpanOptions, Tracer } from "opentracing";
import { makeCodecs } from "../src/client/propagation/codec.ts";
import type { Propagation } from "../src/client/propagation/header-formats.ts";
import { NoopReporter } from "../src/client/reporter.ts";
import { ConstSampler } from "../src/client/samplers/const-sampler.ts";
import { Tracer as ClientTracer } from "../src/client/tracer.ts";

interface KeyValue {
  readonly key: string;
  readonly value: unknown;
}

interface StartedSpan {
  context(): {
    readonly traceIdStr: string;
    readonly spanIdStr: string;
    readonly parentIdStr: string | null | undefined;
  };
  readonly _operationName: string;
  readonly _tags: readonly KeyValue[];
  readonly _logs: readonly { readonly fields: readonly KeyValue[] }[];
  finish(): void;
}

/** One started span as text and plain values. */
export interface SeenSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** undefined: a root. */
  readonly parentId: string | undefined;
  readonly tags: Readonly<Record<string, unknown>>;
  readonly logs: readonly Readonly<Record<string, unknown>>[];
  readonly finishes: number;
}

export interface RecordingTracer {
  readonly tracer: Tracer;
  /** All spans so far, in the order of their start. */
  spans(): SeenSpan[];
  /** Spans that have been started and not finished. */
  running(): number;
}

interface JaegerClient {
  readonly Tracer: new (service: string, reporter: unknown, sampler: unknown) => Tracer;
  readonly InMemoryReporter: new () => unknown;
  readonly ConstSampler: new (decision: boolean) => unknown;
}

/** The client's own, with its headers in several formats. */
export function makeClientTracer(
  service: string,
  propagation: readonly Propagation[] = ["jaeger"],
): ClientTracer {
  const codecs = makeCodecs({ propagation, onGarbage: () => {} });
  const options = { codecs: { ...codecs }, traceId128bit: true };
  return new ClientTracer(service, new NoopReporter(), new ConstSampler(true), options);
}

/** npm's jaeger-client, which is another implementation than ours. */
export function makeJaegerTracer(service: string): Tracer {
  const jaeger = createRequire(import.meta.url)("jaeger-client") as JaegerClient;
  return new jaeger.Tracer(service, new jaeger.InMemoryReporter(), new jaeger.ConstSampler(true));
}

export function recordSpans(tracer: Tracer): RecordingTracer {
  const started: { readonly span: StartedSpan; finishes: number }[] = [];
  const start = tracer.startSpan.bind(tracer);
  tracer.startSpan = (name: string, options?: SpanOptions) => {
    const span = start(name, options);
    const entry = { span: span as unknown as StartedSpan, finishes: 0 };
    started.push(entry);
    const finish = span.finish.bind(span);
    span.finish = (atMs?: number) => {
      entry.finishes++;
      finish(atMs);
    };
    return span;
  };
  return {
    tracer,
    spans: () => started.map(({ span, finishes }) => see(span, finishes)),
    running: () => started.filter((entry) => entry.finishes === 0).length,
  };
}

function see(span: StartedSpan, finishes: number): SeenSpan {
  const context = span.context();
  return {
    name: span._operationName,
    traceId: pad(context.traceIdStr),
    spanId: pad(context.spanIdStr),
    parentId: context.parentIdStr ? pad(context.parentIdStr) : undefined,
    tags: fromEntries(span._tags),
    logs: span._logs.map((record) => fromEntries(record.fields)),
    finishes,
  };
}

/** jaeger-client leaves leading zeros out. */
function pad(id: string): string {
  return id.padStart(id.length > 16 ? 32 : 16, "0");
}

function fromEntries(entries: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]));
}
