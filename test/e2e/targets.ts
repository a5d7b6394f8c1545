// Every way to send spans to a Spoor, as one table: the door, its format, payloads that it takes (written by
// other implementations, test/golden), and how to send bytes there and be told what became of them.
//
// Not here: real clients (the other tests of this folder send with those).

import { readFileSync } from "node:fs";
import { status } from "@grpc/grpc-js";
import { systemClock } from "../../src/base/clock.ts";
import { SpoorError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import { openTChannelClient } from "../../src/net/tchannel-client.ts";
import { callGrpc } from "../call-grpc.ts";
import type { Door, RunningSpoor } from "./running-spoor.ts";

/** A fault is ours: an answer that blames the server for what the peer sent. */
export type Outcome = "accepted" | "refused" | "fault";

export interface Sent {
  readonly outcome: Outcome;
  /** Status and text, for messages of tests. */
  readonly answer: string;
}

export interface Target {
  readonly name: string;
  readonly door: Door;
  readonly samples: readonly Buffer[];
  /** Compressions that the door understands. */
  readonly encodings: readonly string[];
  send(spoor: RunningSpoor, payload: Uint8Array, encoding?: string): Promise<Sent>;
}

const ANSWER_MS_MAX = 60_000;

const golden = (path: string): Buffer =>
  readFileSync(new URL(`../golden/${path}`, import.meta.url));

const ENCODINGS = ["gzip", "deflate", "zstd"];

function makeHttpTarget(
  name: string,
  door: Door,
  path: string,
  type: string,
  samples: readonly Buffer[],
  encodings: readonly string[] = ENCODINGS,
): Target {
  return {
    name,
    door,
    samples,
    encodings,
    async send(spoor, payload, encoding) {
      const coded = encoding === undefined ? {} : { "content-encoding": encoding };
      const answer = await fetch(spoor.url(door, path), {
        method: "POST",
        body: Buffer.from(payload),
        headers: { "content-type": type, ...coded },
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      });
      const text = await answer.text();
      const outcome = answer.ok ? "accepted" : answer.status < 500 ? "refused" : "fault";
      return { outcome, answer: `${answer.status} ${text.slice(0, 300)}` };
    },
  };
}

/** Statuses that say: it was our fault. */
const FAULTS = new Set<number>([
  status.UNKNOWN,
  status.INTERNAL,
  status.DATA_LOSS,
  status.UNAVAILABLE,
]);

function makeGrpcTarget(
  name: string,
  door: Door,
  path: string,
  samples: readonly Buffer[],
): Target {
  return {
    name,
    door,
    samples,
    encodings: ["gzip"],
    async send(spoor, payload, encoding) {
      const port = Number(spoor.address(door).split(":")[1]);
      const options = { gzip: encoding === "gzip", deadlineMs: ANSWER_MS_MAX };
      const { status: code, message } = await callGrpc(port, path, payload, options);
      const outcome = code === 0 ? "accepted" : FAULTS.has(code) ? "fault" : "refused";
      return { outcome, answer: `${status[code]} ${message.slice(0, 300)}` };
    },
  };
}

/** A call in the scheme thrift whose arguments are `payload`; each has a connection of its own. */
function makeTChannelTarget(name: string, method: string, samples: readonly Buffer[]): Target {
  return {
    name,
    door: "tchannel",
    samples,
    encodings: [],
    async send(spoor, payload) {
      const port = Number(spoor.address("tchannel").split(":")[1]);
      const client = openTChannelClient({
        hostPort: { host: "127.0.0.1", port },
        processName: "test",
        log: silentLog,
        clock: systemClock,
      });
      try {
        await client.call("jaeger-collector", method, payload, { ttlMs: ANSWER_MS_MAX });
        return { outcome: "accepted", answer: "ok" };
      } catch (error) {
        if (!(error instanceof SpoorError)) throw error;
        const outcome = error.code === "unavailable" ? "fault" : "refused";
        return { outcome, answer: `${error.code} ${error.message.slice(0, 300)}` };
      } finally {
        client.close();
      }
    },
  };
}

/** A list as field 1 of the arguments. */
function argumentsOf(list: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of(15, 0, 1), list, Uint8Array.of(0)]);
}

/** A list of one struct. */
function listOf(struct: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of(12, 0, 0, 0, 1), struct]);
}

const OTLP = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const POST_SPANS = "/jaeger.api_v2.CollectorService/PostSpans";
const PROTO = "application/x-protobuf";
const JSON_TYPE = "application/json";
const THRIFT = "application/x-thrift";

export const TARGETS: readonly Target[] = [
  makeGrpcTarget("OTLP gRPC", "otlpGrpc", OTLP, [golden("otlp/traces.bin")]),
  makeHttpTarget("OTLP HTTP protobuf", "otlpHttp", "/v1/traces", PROTO, [
    golden("otlp/traces.bin"),
  ]),
  makeHttpTarget("OTLP HTTP JSON", "otlpHttp", "/v1/traces", JSON_TYPE, [
    golden("otlp/traces.json"),
  ]),
  makeGrpcTarget("Jaeger gRPC", "jaegerGrpc", POST_SPANS, [golden("jaeger/post-spans.proto.bin")]),
  makeHttpTarget(
    "Jaeger HTTP Thrift",
    "jaegerHttp",
    "/api/traces",
    THRIFT,
    [golden("jaeger/batch.binary.bin")],
    [], // as Jaeger's, this door takes the body as it comes
  ),
  makeTChannelTarget("Jaeger TChannel", "Collector::submitBatches", [
    argumentsOf(listOf(golden("jaeger/batch.binary.bin"))),
  ]),
  makeTChannelTarget("Zipkin TChannel", "ZipkinCollector::submitZipkinBatch", [
    argumentsOf(golden("jaeger/zipkin-spans.binary.bin")),
  ]),
  makeHttpTarget("Zipkin v1 JSON", "zipkin", "/api/v1/spans", JSON_TYPE, [
    golden("zipkin/spans-v1.js.json"),
  ]),
  makeHttpTarget("Zipkin v1 Thrift", "zipkin", "/api/v1/spans", THRIFT, [
    golden("jaeger/zipkin-spans.binary.bin"),
  ]),
  makeHttpTarget("Zipkin v2 JSON", "zipkin", "/api/v2/spans", JSON_TYPE, [
    golden("zipkin/spans.go.json"),
    golden("zipkin/otel.js.json"),
  ]),
  makeHttpTarget("Zipkin v2 protobuf", "zipkin", "/api/v2/spans", PROTO, [
    golden("zipkin/spans.go.bin"),
  ]),
];

export function findTarget(name: string): Target {
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined) throw new Error(`no target ${name}`);
  return target;
}
