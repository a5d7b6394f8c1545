// The reporters that send nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";
import { NoopReporter, type Reporter } from "../reporter.ts";
import { ConstSampler } from "../samplers/const-sampler.ts";
import { Tracer } from "../tracer.ts";
import { VERSION } from "../version.ts";
import { CompositeReporter } from "./composite-reporter.ts";
import { InMemoryReporter } from "./in-memory-reporter.ts";
import { LoggingReporter } from "./logging-reporter.ts";

test("InMemoryReporter keeps the spans themselves, and the newest of very many", () => {
  const reporter = new InMemoryReporter();
  const tracer = new Tracer("s", reporter, new ConstSampler(true));
  const span = tracer.startSpan("a");
  span.finish();
  assert.deepEqual(reporter.spans, [span]);
  assert.equal(reporter.process, tracer._process);
  reporter.clear();
  assert.deepEqual(reporter.spans, []);
  for (let count = 0; count < 100_001; count++) reporter.report(span);
  assert.equal(reporter.spans.length, 50_001);
});

test("LoggingReporter says a line for each span", () => {
  const lines: string[] = [];
  const reporter = new LoggingReporter({ info: (line) => void lines.push(line) });
  const tracer = new Tracer("s", reporter, new ConstSampler(true));
  const span = tracer.startSpan("a");
  span.finish();
  assert.deepEqual(lines, [`Reporting span ${span.context().toString()}`]);
});

test("CompositeReporter gives to all, also after one that throws", async () => {
  const calls: string[] = [];
  const fail = (): never => assert.fail("on purpose");
  const bad: Reporter = { name: "bad", setProcess: fail, report: fail, flush: fail, close: fail };
  const good = new InMemoryReporter();
  good.close = (): Promise<void> => Promise.resolve(void calls.push("closed"));
  const reporter = new CompositeReporter([bad, good]);
  assert.throws(() => reporter.setProcess({ serviceName: "s", tags: [] }), /on purpose/);
  const span = new Tracer("s").startSpan("a");
  assert.throws(() => reporter.report(span), /on purpose/);
  await reporter.flush();
  await reporter.close(() => calls.push("called back"));
  assert.deepEqual(good.spans, [span]);
  assert.equal(good.process?.serviceName, "s");
  assert.deepEqual(calls, ["closed", "called back"]);
});

test("reporters print what they are, for the logger", () => {
  const all = new CompositeReporter([new NoopReporter(), new InMemoryReporter()]);
  assert.equal(all.toString(), "CompositeReporter(NoopReporter,InMemoryReporter)");
});

test("VERSION is that of the package", () => {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  assert.equal(VERSION, (JSON.parse(text) as { version: string }).version);
});
