// What each variable of the environment comes to, and how wrong ones are refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import { globalTracer } from "opentracing";
import type { TracerConfig } from "./config.ts";
import { parseJaegerTags, parseOtelPairs } from "./env-pairs.ts";
import { initTracerFromEnv, readEnvironment } from "./env.ts";
import { InMemoryReporter } from "./reporters/in-memory-reporter.ts";
import type { Tracer } from "./tracer.ts";

type Env = Readonly<Record<string, string>>;

function open(env: Env, config: TracerConfig = {}): Tracer {
  const all = { JAEGER_SERVICE_NAME: "shop", ...env };
  const tracer = initTracerFromEnv(config, { env: all, flushAtExit: false, global: false });
  void tracer.close();
  return tracer;
}

const read: readonly (readonly [what: string, env: Env, config: TracerConfig])[] = [
  ["nothing", {}, { tags: {} }],
  ["empty values", { JAEGER_SERVICE_NAME: "", JAEGER_DISABLED: " " }, { tags: {} }],
  [
    "everything of Jaeger's",
    {
      JAEGER_SERVICE_NAME: "shop",
      JAEGER_AGENT_HOST: "agent",
      JAEGER_AGENT_PORT: "6831",
      JAEGER_AGENT_SOCKET_TYPE: "udp6",
      JAEGER_ENDPOINT: "http://c:14268/api/traces",
      JAEGER_USER: "u",
      JAEGER_PASSWORD: "p",
      JAEGER_AUTH_TOKEN: "t",
      JAEGER_REPORTER_LOG_SPANS: "false",
      JAEGER_REPORTER_MAX_QUEUE_SIZE: "500",
      JAEGER_REPORTER_FLUSH_INTERVAL: "500",
      JAEGER_REPORTER_TIMEOUT: "2s",
      JAEGER_SAMPLER_TYPE: "remote",
      JAEGER_SAMPLER_PARAM: "0.5",
      JAEGER_SAMPLER_MANAGER_HOST_PORT: "agent:5778",
      JAEGER_SAMPLING_ENDPOINT: "http://c:14268/api/sampling",
      JAEGER_SAMPLER_REFRESH_INTERVAL: "1m",
      JAEGER_SAMPLER_MAX_OPERATIONS: "100",
      JAEGER_TAGS: "a=1,b=${B:x},c=${C:y:z}",
      C: "",
      JAEGER_PROPAGATION: "jaeger,w3c",
      JAEGER_TRACEID_128BIT: "TRUE",
      JAEGER_DISABLED: "false",
      JAEGER_RPC_METRICS: "1",
    },
    {
      serviceName: "shop",
      disable: false,
      propagation: ["jaeger", "w3c"],
      traceId128bit: true,
      rpcMetrics: true,
      tags: { a: "1", b: "x", c: "y:z" },
      sampler: {
        type: "remote",
        param: 0.5,
        endpoint: "http://c:14268/api/sampling",
        hostPort: "agent:5778",
        maxOperations: 100,
        refreshIntervalMs: 60_000,
      },
      reporter: {
        logSpans: false,
        agentHost: "agent",
        agentPort: 6831,
        agentSocketType: "udp6",
        collectorEndpoint: "http://c:14268/api/traces",
        username: "u",
        password: "p",
        authToken: "t",
        flushIntervalMs: 500,
        maxQueueSize: 500,
        timeoutMs: 2_000,
      },
    },
  ],
  [
    "OpenTelemetry's names",
    {
      OTEL_SERVICE_NAME: "shop",
      OTEL_RESOURCE_ATTRIBUTES: "service.name=other,team=a%2Cb",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318/base/",
      OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20b",
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0.25",
      OTEL_PROPAGATORS: "tracecontext,baggage,b3",
      OTEL_SDK_DISABLED: "true",
    },
    {
      serviceName: "shop",
      disable: true,
      propagation: ["w3c", "w3c", "b3-single"],
      tags: { team: "a,b" },
      sampler: { type: "probabilistic", param: 0.25 },
      reporter: { otlpEndpoint: "http://c:4318/base/v1/traces", headers: { "x-key": "a b" } },
    },
  ],
  [
    "Jaeger's names before OpenTelemetry's",
    {
      JAEGER_SERVICE_NAME: "shop",
      OTEL_SERVICE_NAME: "other",
      JAEGER_SAMPLER_TYPE: "const",
      JAEGER_SAMPLER_PARAM: "1",
      OTEL_TRACES_SAMPLER: "nonsense",
      JAEGER_PROPAGATION: "b3",
      OTEL_PROPAGATORS: "nonsense",
    },
    {
      serviceName: "shop",
      propagation: ["b3"],
      tags: {},
      sampler: { type: "const", param: 1 },
    },
  ],
  [
    "a service's name among the attributes",
    { OTEL_RESOURCE_ATTRIBUTES: "service.name=shop" },
    { serviceName: "shop", tags: {} },
  ],
  [
    "a sampler that is asked for elsewhere",
    {
      OTEL_TRACES_SAMPLER: "jaeger_remote",
      OTEL_TRACES_SAMPLER_ARG:
        "endpoint=http://c:5778/sampling,pollingIntervalMs=5000,initialSamplingRate=0.25",
    },
    {
      tags: {},
      sampler: {
        type: "remote",
        endpoint: "http://c:5778/sampling",
        param: 0.25,
        refreshIntervalMs: 5_000,
      },
    },
  ],
  [
    "what Kubernetes sets for a Service called jaeger-agent",
    { JAEGER_AGENT_PORT: "tcp://10.0.0.1:6831", JAEGER_SERVICE_NAME: "shop" },
    { serviceName: "shop", tags: {} },
  ],
];

for (const [what, env, config] of read) {
  test(`readEnvironment() reads ${what}`, () => {
    assert.deepEqual(readEnvironment({}, env), config);
  });
}

test("readEnvironment() lets the program's configuration win", () => {
  const env = {
    JAEGER_SERVICE_NAME: "env",
    JAEGER_TAGS: "a=env,b=env",
    JAEGER_SAMPLER_TYPE: "const",
    JAEGER_SAMPLER_PARAM: "0",
    JAEGER_ENDPOINT: "http://env:14268",
    JAEGER_USER: "env",
    JAEGER_DISABLED: "true",
  };
  const config = {
    serviceName: "mine",
    disable: false,
    tags: { a: 1 },
    sampler: { param: 1 },
    reporter: { agentHost: "mine" },
  };
  assert.deepEqual(readEnvironment(config, env), {
    serviceName: "mine",
    disable: true, // as with jaeger-client
    tags: { a: 1, b: "env" },
    sampler: { type: "const", param: 1 },
    reporter: { agentHost: "mine", username: "env" },
  });
});

const wrong: readonly (readonly [env: Env, message: RegExp])[] = [
  [{ JAEGER_SERVICE_NAME: "" }, /JAEGER_SERVICE_NAME\) must be given/],
  [{ JAEGER_AGENT_PORT: "70000" }, /JAEGER_AGENT_PORT is 70000, expected a port/],
  [{ JAEGER_AGENT_PORT: "x" }, /JAEGER_AGENT_PORT is "x", expected a number/],
  [{ JAEGER_AGENT_SOCKET_TYPE: "tcp" }, /JAEGER_AGENT_SOCKET_TYPE is "tcp"/],
  [{ JAEGER_ENDPOINT: "c:14268" }, /JAEGER_ENDPOINT is no URL/],
  [{ JAEGER_REPORTER_LOG_SPANS: "maybe" }, /JAEGER_REPORTER_LOG_SPANS is "maybe"/],
  [{ JAEGER_REPORTER_MAX_QUEUE_SIZE: "-1" }, /JAEGER_REPORTER_MAX_QUEUE_SIZE is -1/],
  [{ JAEGER_REPORTER_FLUSH_INTERVAL: "1 week" }, /JAEGER_REPORTER_FLUSH_INTERVAL is "1 week"/],
  [{ JAEGER_SAMPLER_TYPE: "never" }, /JAEGER_SAMPLER_TYPE is "never", expected const, /],
  [{ JAEGER_SAMPLER_TYPE: "const" }, /sampler.param must be given, 0 or 1 for const/],
  [
    { JAEGER_SAMPLER_TYPE: "const", JAEGER_SAMPLER_PARAM: "0.5" },
    /JAEGER_SAMPLER_PARAM is 0.5, expected 0 or 1/,
  ],
  [
    { JAEGER_SAMPLER_TYPE: "probabilistic", JAEGER_SAMPLER_PARAM: "50" },
    /JAEGER_SAMPLER_PARAM is 50, expected a probability/,
  ],
  [{ JAEGER_SAMPLING_ENDPOINT: "ftp://x" }, /JAEGER_SAMPLING_ENDPOINT is no URL/],
  [{ JAEGER_SAMPLER_MANAGER_HOST_PORT: "http://" }, /is no place to poll/],
  [{ JAEGER_TAGS: "a" }, /JAEGER_TAGS has a part that is not name=value/],
  [{ JAEGER_PROPAGATION: "jaeger,x" }, /JAEGER_PROPAGATION is "x", expected jaeger, w3c, b3/],
  [{ JAEGER_DISABLED: "yes" }, /JAEGER_DISABLED is "yes", expected true or false/],
  [{ OTEL_PROPAGATORS: "xray" }, /OTEL_PROPAGATORS is "xray", expected tracecontext/],
  [{ OTEL_TRACES_SAMPLER: "xray" }, /OTEL_TRACES_SAMPLER is "xray"/],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
    /OTEL_EXPORTER_OTLP_PROTOCOL is "grpc", expected http\/protobuf/,
  ],
  [{ OTEL_RESOURCE_ATTRIBUTES: "a=%zz" }, /OTEL_RESOURCE_ATTRIBUTES has a part/],
];

for (const [env, message] of wrong) {
  test(`initTracerFromEnv() names what is wrong with ${JSON.stringify(env)}`, () => {
    assert.throws(() => open(env), { code: "bad-input", message });
  });
}

test("initTracerFromEnv() says all that is wrong at once, and no secret", () => {
  const env = {
    JAEGER_SAMPLER_TYPE: "x",
    JAEGER_AGENT_PORT: "y",
    JAEGER_ENDPOINT: "ftp://user:secret@c",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://c",
    OTEL_EXPORTER_OTLP_HEADERS: "secret",
  };
  assert.throws(
    () => open(env),
    ({ message }: Error) =>
      /TYPE.*ENDPOINT|ENDPOINT.*TYPE/.test(message) &&
      message.includes("JAEGER_AGENT_PORT") &&
      message.includes("OTLP_HEADERS") &&
      !message.includes("secret"),
  );
});

test("initTracerFromEnv() opens the reporter and the sampler that were meant", () => {
  const kinds = (env: Env): string => {
    const { _reporter, _sampler } = open(env);
    return `${_reporter.name} ${_sampler.toString()}`;
  };
  const always = { JAEGER_SAMPLER_TYPE: "const", JAEGER_SAMPLER_PARAM: "1" };
  // close() has replaced the reporter; its name is what init said to the logger.
  const said: string[] = [];
  const logger = { info: (text: string) => void said.push(text), error() {} };
  const say = (env: Env): string => {
    const all = { JAEGER_SERVICE_NAME: "s", ...always, ...env };
    const tracer = initTracerFromEnv({}, { env: all, logger, flushAtExit: false, global: false });
    void tracer.close();
    return said.pop()?.replace("Initializing Spoor tracer with ", "") ?? "";
  };
  assert.match(say({}), /^UdpReporter.* and ConstSampler\(always\)$/);
  assert.match(say({ JAEGER_ENDPOINT: "http://127.0.0.1:1/api/traces" }), /^HttpReporter/);
  assert.match(say({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" }), /^OtlpReporter/);
  assert.match(
    say({ JAEGER_REPORTER_LOG_SPANS: "true" }),
    /^CompositeReporter\(LoggingReporter,Udp/,
  );
  const both = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
    JAEGER_AGENT_HOST: "127.0.0.1",
  };
  assert.match(say(both), /^UdpReporter/);
  assert.match(kinds({}), /RemoteSampler/);
});

test("initTracerFromEnv() makes the first tracer the global one, and the next after that is closed", async () => {
  const reporters = [0, 1, 2].map(() => new InMemoryReporter());
  const env = { JAEGER_SERVICE_NAME: "s", JAEGER_SAMPLER_TYPE: "const", JAEGER_SAMPLER_PARAM: "1" };
  const make = (at: number): Tracer =>
    initTracerFromEnv({}, { env, reporter: reporters[at], flushAtExit: false });
  const first = make(0);
  make(1);
  globalTracer().startSpan("a").finish();
  await first.close();
  make(2);
  globalTracer().startSpan("b").finish();
  assert.deepEqual(
    reporters.map(({ spans }) => spans.map((span) => span._operationName)),
    [["a"], [], ["b"]],
  );
});

test("initTracerFromEnv() makes a tracer that does nothing when it is disabled", () => {
  const tracer = open({ JAEGER_SERVICE_NAME: "", JAEGER_DISABLED: "true", JAEGER_TAGS: "a=b" });
  const carrier = {};
  tracer.inject(tracer.startSpan("a"), "text_map", carrier);
  assert.deepEqual(carrier, {});
});

test("initTracerFromEnv() takes a reporter that was written for jaeger-client", async () => {
  const calls: unknown[] = [];
  const reporter = {
    setProcess: (name: string, tags: readonly unknown[]) => calls.push([name, Array.isArray(tags)]),
    report: () => calls.push("span"),
    close(done?: () => void) {
      calls.push("close");
      done?.();
    },
  };
  const config = { serviceName: "s", sampler: { type: "const", param: 1 } };
  const tracer = initTracerFromEnv(config, { env: {}, reporter, global: false });
  tracer.startSpan("a").finish();
  await tracer.flush();
  await tracer.close();
  assert.deepEqual(calls, [["s", true], "span", "close"]);
});

test("parseJaegerTags() keeps what is after the first = and the first :", () => {
  const env = { HOST: "h", EMPTY: "" };
  const text = " url = http://x?a=b , host=${HOST}, e=${EMPTY:d}, none=${NONE},__proto__=p,,";
  assert.deepEqual(Object.entries(parseJaegerTags(text, env)), [
    ["url", "http://x?a=b"],
    ["host", "h"],
    ["e", "d"],
    ["__proto__", "p"],
  ]);
});

test("parseOtelPairs() decodes values", () => {
  assert.deepEqual(parseOtelPairs("a=%3D%2C,b="), { a: "=,", b: "" });
  assert.throws(() => parseOtelPairs("=x"), { code: "bad-input" });
});
