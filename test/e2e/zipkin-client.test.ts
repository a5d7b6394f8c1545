// npm's zipkin with its HTTP transport, v1 and v2 JSON to 9411: every field comes back.
//
//   Tracer ─▶ BatchRecorder ─▶ HttpLogger ─┬ JSON_V1 ─▶ /api/v1/spans
//                                          └ JSON_V2 ─▶ /api/v2/spans
//
// The two formats differ in where addresses and an error end up: docs/span-mapping.md.

import { once } from "node:events";
import { createRequire } from "node:module";
import { test } from "node:test";
import type * as Zipkin from "zipkin";
import { HttpLogger } from "zipkin-transport-http";
import { type Attributes, type ExpectedSpan, type Kind, PLAIN } from "./expected-span.ts";
import { checkReadBack } from "./read-back.ts";
import { useSpoor } from "./running-spoor.ts";

const zipkin = createRequire(import.meta.url)("zipkin") as typeof Zipkin;
const { Annotation, BatchRecorder, ExplicitContext, InetAddress, TraceId, Tracer } = zipkin;
const { None, Some } = zipkin.option;
const spoor = useSpoor();

const VERSIONS = [
  { name: "v1", path: "/api/v1/spans", encoder: zipkin.jsonEncoder.JSON_V1 },
  { name: "v2", path: "/api/v2/spans", encoder: zipkin.jsonEncoder.JSON_V2 },
] as const;

type Version = (typeof VERSIONS)[number]["name"];

interface Spec {
  readonly name: string;
  readonly kind: Exclude<Kind, "internal">;
  readonly parent: number;
  readonly afterUs: number;
  readonly durationUs: number;
  readonly isDebug: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly notes: readonly (readonly [afterUs: number, text: string])[];
  readonly remote: string;
}

/** The client lower-cases names, as Zipkin wants them. */
const SPECS: readonly Spec[] = [
  {
    name: "get /κόσμε",
    kind: "server",
    parent: -1,
    afterUs: 0,
    durationUs: 90_001,
    isDebug: false,
    tags: { text: "naïve 日本語 🦀", "http.path": "/a?b=<c>&d", empty: "" },
    notes: [
      [10, "read | all"],
      [90_000, "прочитано"],
    ],
    remote: "browser",
  },
  {
    name: "select",
    kind: "client",
    parent: 0,
    afterUs: 1_000,
    durationUs: 2_500,
    isDebug: true,
    tags: { error: "deadlock détecté" },
    notes: [],
    remote: "orders-db",
  },
  {
    name: "publish",
    kind: "producer",
    parent: 0,
    afterUs: 5_000,
    durationUs: 10,
    isDebug: false,
    tags: {},
    notes: [],
    remote: "broker",
  },
  {
    name: "local work",
    kind: "",
    parent: 1,
    afterUs: 1_100,
    durationUs: 100,
    isDebug: false,
    tags: { step: "1" },
    notes: [[1_150, "half"]],
    remote: "",
  },
];

const START = {
  server: new Annotation.ServerRecv(),
  client: new Annotation.ClientSend(),
  producer: new Annotation.ProducerStart(),
  consumer: new Annotation.ConsumerStart(),
} as const;
const STOP = {
  server: new Annotation.ServerSend(),
  client: new Annotation.ClientRecv(),
  producer: new Annotation.ProducerStop(),
  consumer: new Annotation.ConsumerStop(),
} as const;

type Id = InstanceType<typeof TraceId>;

function record(
  tracer: InstanceType<typeof Tracer>,
  spec: Spec,
  id: Id,
  baseUs: number,
  service: string,
): void {
  const startUs = baseUs + spec.afterUs;
  tracer.setId(id);
  tracer.recordAnnotation(new Annotation.ServiceName(service), startUs);
  tracer.recordAnnotation(
    new Annotation.LocalAddr({ host: new InetAddress("10.1.2.3"), port: 8080 }),
    startUs,
  );
  if (spec.kind === "") {
    tracer.recordAnnotation(new Annotation.LocalOperationStart(spec.name), startUs);
  } else {
    tracer.recordAnnotation(new Annotation.Rpc(spec.name), startUs);
    tracer.recordAnnotation(START[spec.kind], startUs);
    const remote = { serviceName: spec.remote, host: new InetAddress("10.9.8.7"), port: 5432 };
    tracer.recordAnnotation(
      spec.kind === "server"
        ? new Annotation.ClientAddr(remote)
        : new Annotation.MessageAddr(remote),
      startUs,
    );
  }
  for (const [key, value] of Object.entries(spec.tags)) {
    tracer.recordAnnotation(new Annotation.BinaryAnnotation(key, value), startUs);
  }
  for (const [afterUs, text] of spec.notes) {
    tracer.recordAnnotation(new Annotation.Message(text), baseUs + afterUs);
  }
  const stop = spec.kind === "" ? new Annotation.LocalOperationStop() : STOP[spec.kind];
  tracer.recordAnnotation(stop, startUs + spec.durationUs);
}

function expect(
  spec: Spec,
  id: Id,
  baseUs: number,
  service: string,
  version: Version,
): ExpectedSpan {
  const { error, ...tags } = spec.tags;
  // This client marks the end of a producer in v1 with `ws`, which means nothing to others.
  const isMarked = version === "v1" && spec.kind === "producer";
  const endUs = spec.afterUs + spec.durationUs;
  const notes: Spec["notes"] = isMarked ? [...spec.notes, [endUs, "ws"]] : spec.notes;
  const peer: Attributes = [
    ...(spec.remote === "" || spec.kind === "server"
      ? []
      : ([["peer.service", spec.remote]] as const)),
    ["net.peer.ip", "10.9.8.7"],
    ["net.peer.port", 5432n],
  ];
  return {
    ...PLAIN,
    service,
    resource:
      version === "v2"
        ? []
        : [
            ["ipv4", "10.1.2.3"],
            ["port", "8080"],
          ],
    traceId: id.traceId.padStart(32, "0"),
    spanId: id.spanId,
    parentSpanId: id.parentSpanId.getOrElse(""),
    name: spec.name,
    kind: spec.kind,
    startNs: BigInt(baseUs + spec.afterUs) * 1_000n,
    durationNs: BigInt(spec.durationUs) * 1_000n,
    status: error === undefined ? "" : "ERROR",
    attributes: [
      ...Object.entries(tags),
      ...(error === undefined ? [] : ([["error", error]] as const)),
      ...(version === "v2"
        ? ([
            ["net.host.ip", "10.1.2.3"],
            ["net.host.port", 8080n],
          ] as const)
        : []),
      ...(spec.remote === "" ? [] : peer),
    ],
    events: notes.map(([afterUs, name]) => ({
      timeNs: BigInt(baseUs + afterUs) * 1_000n,
      name,
      attributes: [],
      dropped: 0,
    })),
  };
}

function makeIds(traceId: string): Id[] {
  const ids: Id[] = [];
  for (const { parent, isDebug } of SPECS) {
    ids.push(
      new TraceId({
        traceId,
        parentId: parent < 0 ? None : new Some(ids[parent]!.spanId),
        spanId: zipkin.randomTraceId(),
        sampled: new Some(true),
        debug: isDebug,
      }),
    );
  }
  return ids;
}

for (const { name, path, encoder } of VERSIONS) {
  for (const bits of [64, 128] as const) {
    test(`zipkin ${name} with trace ids of ${bits} bits: every field comes back`, async () => {
      const service = `zipkin-${name}-${bits}`;
      const logger = new HttpLogger({
        endpoint: spoor().url("zipkin", path),
        jsonEncoder: encoder,
        httpInterval: 100,
      });
      // The type of its events says nothing of them.
      const accepted = once(logger as unknown as NodeJS.EventEmitter, "success");
      const recorder = new BatchRecorder({ logger });
      const tracer = new Tracer({ ctxImpl: new ExplicitContext(), recorder });
      const baseUs = Date.now() * 1_000 - 10_000_000 + bits;
      const high = bits === 128 ? zipkin.randomTraceId() : "";
      const ids = makeIds(high + zipkin.randomTraceId());
      for (const [at, spec] of SPECS.entries()) record(tracer, spec, ids[at]!, baseUs, service);
      await accepted;
      await checkReadBack(
        spoor(),
        SPECS.map((spec, at) => expect(spec, ids[at]!, baseUs, service, name)),
      );
    });
  }
}
