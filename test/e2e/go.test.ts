// Go: OpenTelemetry's SDK sends by gRPC and HTTP, a Jaeger agent's client sends api_v2, and clients made
// from Jaeger's own definitions of api_v2 and api_v3 read all of it back by gRPC.
//
//   test/e2e/go ─ go build ─▶ peer ─┬ send-otlp, post-spans ─▶ Spoor
//                                   └ read-v2, read-v3 ◀────── Spoor
//
// Skipped, with a line, where Go is missing or its modules cannot be had.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, after, before, test } from "node:test";
import {
  type Attributes,
  type ExpectedSpan,
  type JaegerForm,
  PLAIN,
  jaegerForm,
  otlpForm,
  sortTags,
} from "./expected-span.ts";
import { uniqueStartNs } from "./otel-spans.ts";
import { checkReadBack, compareJaeger, compareOtlp } from "./read-back.ts";
import { runProgram, whyMissing } from "./run-program.ts";
import { useSpoor } from "./running-spoor.ts";
import { readOtlpTraces } from "./shown-traces.ts";

const folder = join(import.meta.dirname, "go");
const JAEGER_MODULE = "github.com/jaegertracing/jaeger-idl";
const SCHEMA = "https://opentelemetry.io/schemas/1.21.0";

const DOWNLOAD_MS_MAX = 120_000;
/** Two cold cores compile gRPC and OpenTelemetry in about a minute. */
const BUILD_MS_MAX = 240_000;
const PEER_MS_MAX = 30_000;

const spoor = useSpoor();
let scratch = "";
let peer = "";
let protos = "";
let missing: string | undefined;

before(async () => {
  missing = await whyMissing("go", "version");
  if (missing !== undefined) return;
  try {
    await runProgram("go", ["mod", "download"], { cwd: folder, msMax: DOWNLOAD_MS_MAX });
  } catch (error) {
    const [line = ""] = String((error as { stderr?: unknown }).stderr).split("\n");
    missing = `its modules cannot be downloaded (${line.slice(0, 200)})`;
    return;
  }
  scratch = await mkdtemp(join(tmpdir(), "spoor-go-"));
  peer = join(scratch, "peer");
  await runProgram("go", ["build", "-o", peer, "."], { cwd: folder, msMax: BUILD_MS_MAX });
  const list = ["list", "-m", "-f", "{{.Dir}}", JAEGER_MODULE];
  const dir = await runProgram("go", list, { cwd: folder, msMax: PEER_MS_MAX });
  protos = join(dir.trim(), "proto");
});

after(async () => {
  if (scratch !== "") await rm(scratch, { recursive: true, force: true });
});

function isSkipped(t: TestContext): boolean {
  if (missing !== undefined) t.skip(`needs Go: ${missing}`);
  return missing !== undefined;
}

interface Sending {
  readonly service: string;
  readonly traceId: string;
  readonly startNs: bigint;
}

async function runPeer(
  command: string,
  address: string,
  sending: Sending,
  ...more: string[]
): Promise<unknown> {
  const { service, traceId, startNs } = sending;
  const args = [`--address=${address}`, `--service=${service}`, `--trace-id=${traceId}`];
  const output = await runProgram(peer, [command, ...args, `--start-ns=${startNs}`, ...more], {
    msMax: PEER_MS_MAX,
  });
  return JSON.parse(output);
}

function newSending(service: string, restNs: bigint): Sending {
  const traceId = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("hex");
  return { service, traceId, startNs: uniqueStartNs(restNs) };
}

const idOf = (number: number): string => number.toString(16).padStart(16, "0");

const MAX = 2n ** 63n - 1n;
const BYTES = Uint8Array.of(0, 1, 0xfe, 0xff);
const TEXT = ["text", "naïve 日本語 🦀"] as const;

/** As send_otlp.go makes them. */
function expectOtlp({ service, traceId, startNs }: Sending): ExpectedSpan[] {
  const common = {
    ...PLAIN,
    service,
    resource: [
      ["process.pid", 4711n],
      ["process.command_args", ["run", "--größe"]],
    ] satisfies Attributes,
    resourceSchema: SCHEMA,
    scope: { name: "e2e/go", version: "v1.2.3", schema: SCHEMA },
    scopeAttributes: [["scope.côté", "gauche"]] satisfies Attributes,
    traceId,
    flags: 0x101,
  };
  const root: ExpectedSpan = {
    ...common,
    spanId: idOf(1),
    name: "GET /κόσμε",
    kind: "server",
    startNs,
    durationNs: 99_999_999n,
    status: "ERROR",
    statusText: "échec",
    attributes: [
      TEXT,
      ["text.empty", ""],
      ["yes", true],
      ["no", false],
      ["int.max", MAX],
      ["int.min", -MAX - 1n],
      ["int.past.double", 2n ** 53n + 1n],
      ["double", -0.1],
      ["double.nan", Number.NaN],
      ["double.infinite", -Infinity],
      ["bytes", BYTES],
      ["list.text", ["a", "ü"]],
      ["list.int", [1n, -2n, MAX]],
      ["list.double", [0.5, -1.25]],
      ["list.bool", [true, false]],
      ["list.mixed", ["a", 7n, [true]]],
      [
        "map",
        new Map<string, string | ReadonlyMap<string, bigint>>([
          ["deeper", new Map([["n", 1n]])],
          ["inner", "é"],
        ]),
      ],
    ],
    events: [
      { timeNs: startNs + 1_000_001n, name: "read", attributes: [["bytes", 512n]], dropped: 0 },
      {
        timeNs: startNs + 2_000_002n,
        name: "exception",
        attributes: [
          ["exception.type", "*errors.errorString"],
          ["exception.message", "disque plein"],
        ],
        dropped: 0,
      },
    ],
  };
  const children = (["internal", "client", "producer", "consumer"] as const).map(
    (kind, at): ExpectedSpan => ({
      ...common,
      spanId: idOf(at + 2),
      parentSpanId: idOf(1),
      name: kind,
      kind,
      startNs: startNs + 10_000_000n * BigInt(at + 1),
      durationNs: 1_000_001n * BigInt(at),
      status: "OK",
      links: [
        {
          traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
          spanId: "00f067aa0ba902b7",
          traceState: "", // not sent
          flags: 0x301,
          attributes: [["n", BigInt(at)]],
          dropped: 0,
        },
      ],
    }),
  );
  return [root, ...children];
}

/** As jaeger_v2.go posts them. */
function expectPosted({ service, traceId, startNs }: Sending): ExpectedSpan[] {
  const link = (type: string): ExpectedSpan["links"][number] => ({
    traceId: "abc".padStart(32, "0"),
    spanId: "def".padStart(16, "0"),
    traceState: "",
    flags: 0,
    attributes: [["opentracing.ref_type", type]],
    dropped: 0,
  });
  return [
    {
      ...PLAIN,
      service,
      resource: [
        ["hostname", "höst"],
        ["pid", MAX],
      ],
      traceId,
      spanId: idOf(1),
      name: "GET /κόσμε",
      kind: "client",
      startNs,
      durationNs: 99_999_999n,
      flags: 1,
      jaegerFlags: 3,
      format: "proto",
      attributes: [
        TEXT,
        ["text.empty", ""],
        ["yes", true],
        ["no", false],
        ["int.max", MAX],
        ["int.min", -MAX - 1n],
        ["double", -0.1],
        ["bytes", BYTES],
      ],
      events: [
        { timeNs: startNs + 1_000_001n, name: "read", attributes: [["bytes", 512n]], dropped: 0 },
        {
          timeNs: startNs + 2_000_002n,
          name: "",
          attributes: [["message", "no event here"]],
          dropped: 0,
        },
      ],
      links: [link("follows_from")],
      warnings: ["the client's own warning"],
    },
    {
      ...PLAIN,
      service: `${service}-callee`,
      traceId,
      spanId: idOf(2),
      parentSpanId: idOf(1),
      name: "serve",
      kind: "server",
      startNs: startNs + 10_000_000n,
      durationNs: 1_000_000n,
      status: "ERROR",
      format: "proto",
      links: [link("follows_from")],
    },
  ];
}

/** Tags come in the order of the store, which no reader may rely on. */
function sortForm(span: JaegerForm): JaegerForm {
  return {
    ...span,
    tags: sortTags(span.tags),
    processTags: sortTags(span.processTags),
    logs: span.logs.map((log) => ({ ...log, fields: sortTags(log.fields) })),
  };
}

const senders = [
  {
    name: "OpenTelemetry SDK over gRPC",
    command: "send-otlp",
    door: "otlpGrpc",
    more: ["--protocol=grpc"],
    restNs: 789n,
    expect: expectOtlp,
  },
  {
    name: "OpenTelemetry SDK over HTTP",
    command: "send-otlp",
    door: "otlpHttp",
    more: ["--protocol=http"],
    restNs: 789n,
    expect: expectOtlp,
  },
  {
    name: "Jaeger agent's PostSpans",
    command: "post-spans",
    door: "jaegerGrpc",
    more: [],
    restNs: 789n,
    expect: expectPosted,
  },
] as const;

for (const [at, { name, command, door, more, restNs, expect }] of senders.entries()) {
  const sending = newSending(`go-${at}`, restNs);
  const expected = expect(sending);

  test(`Go, ${name}: every field comes back`, async (t) => {
    if (isSkipped(t)) return;
    await runPeer(command, spoor().address(door), sending, ...more);
    await checkReadBack(spoor(), expected);
  });

  test(`Go, api_v2.QueryService: all that the ${name} sent`, async (t) => {
    if (isSkipped(t)) return;
    const answer = (await runPeer("read-v2", spoor().address("queryGrpc"), sending)) as {
      trace: JaegerForm[];
      found: JaegerForm[];
      services: string[];
      operationNames: string[] | null;
      operations: { name: string; span_kind?: string }[];
      dependencies: { parent: string; child: string; call_count: number }[] | null;
      refused: unknown;
    };
    const forms = expected.map((span) => sortForm(jaegerForm(span, 1n)));
    compareJaeger(answer.trace.map(sortForm), forms, "GetTrace");
    compareJaeger(answer.found.map(sortForm), forms, "FindTraces");
    for (const { service } of expected) assert(answer.services.includes(service), service);
    const mine = expected.filter(({ service }) => service === sending.service);
    assert.deepEqual(
      answer.operations
        .map(({ name: operation, span_kind: kind = "" }) => `${operation} ${kind}`)
        .toSorted(),
      mine.map((span) => `${span.name} ${span.kind}`).toSorted(),
    );
    const links = (answer.dependencies ?? []).filter(({ parent }) => parent === sending.service);
    const calls = expected.filter(({ service }) => service !== sending.service);
    assert.deepEqual(
      links.map(({ child, call_count: count }) => [child, count]),
      calls.map(({ service }) => [service, 1]),
    );
    assert.deepEqual(answer.refused, {
      "GetTrace of an unknown id": "NotFound: trace not found: trace not found",
      "GetTrace of no id": "InvalidArgument: uninitialized TraceID is not allowed",
      "ArchiveTrace of no id": "InvalidArgument: uninitialized TraceID is not allowed",
    });
  });

  test(`Go, api_v3.QueryService: all that the ${name} sent`, async (t) => {
    if (isSkipped(t)) return;
    const address = spoor().address("queryGrpc");
    const answer = (await runPeer("read-v3", address, sending, `--protos=${protos}`)) as Record<
      string,
      Record<string, unknown>[]
    >;
    const read = (what: string): Record<string, unknown>[] => {
      const messages = answer[what];
      assert(Array.isArray(messages), `${what}: ${JSON.stringify(messages)}`);
      return messages;
    };
    const forms = expected.map(otlpForm);
    for (const what of ["trace", "found"]) {
      const found = read(what).flatMap(({ resourceSpans }) =>
        readOtlpTraces(resourceSpans, "base64"),
      );
      compareOtlp(found, forms, what);
    }
    const services = read("services").flatMap(({ services }) => services as string[]);
    for (const { service } of expected) assert(services.includes(service), service);
    const operations = read("operations").flatMap(
      (message) => message["operations"] as { name: string; spanKind: string }[],
    );
    const mine = expected.filter(({ service }) => service === sending.service);
    assert.deepEqual(
      operations.map((one) => `${one.name} ${one.spanKind}`).toSorted(),
      mine.map((span) => `${span.name} ${span.kind === "" ? "internal" : span.kind}`).toSorted(),
    );
    const summaries = read("summaries").flatMap(({ summaries }) => summaries as object[]);
    assert.deepEqual(summaries, [summaryOf(sending, expected)]);
    const dependencies = read("dependencies").flatMap(
      (message) =>
        (message["dependencies"] ?? []) as { parent: string; child: string; callCount: string }[],
    );
    assert.deepEqual(
      dependencies
        .filter(({ parent }) => parent === sending.service)
        .map(({ child, callCount }) => [child, callCount]),
      expected
        .filter(({ service }) => service !== sending.service)
        .map(({ service }) => [service, "1"]),
    );
    assert.deepEqual(read("unknown"), []);
  });
}

/** As protobuf's JSON has it: zeros are left out, 64-bit numbers are text. */
function summaryOf({ traceId, startNs }: Sending, spans: readonly ExpectedSpan[]): object {
  const [root] = spans as [ExpectedSpan];
  const errors = spans.filter(({ status }) => status === "ERROR").length;
  const services = [...new Set(spans.map(({ service }) => service))];
  const ends = spans.map((span) => span.startNs + span.durationNs);
  return {
    traceId,
    rootServiceName: root.service,
    rootOperationName: root.name,
    minStartTimeUnixNano: String(startNs),
    maxEndTimeUnixNano: String(ends.reduce((a, b) => (a > b ? a : b))),
    spanCount: spans.length,
    ...(errors === 0 ? {} : { errorSpanCount: errors }),
    services: services.map((name) => {
      const own = spans.filter(({ service }) => service === name);
      const ownErrors = own.filter(({ status }) => status === "ERROR").length;
      return {
        name,
        spanCount: own.length,
        ...(ownErrors === 0 ? {} : { errorSpanCount: ownErrors }),
      };
    }),
  };
}
