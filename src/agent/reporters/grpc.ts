// Two protocols of gRPC: Jaeger's api_v2 (14250) and OTLP (4317).
//
//   PostSpansRequest            ─▶ jaeger.api_v2.CollectorService/PostSpans
//   ExportTraceServiceRequest   ─▶ opentelemetry…TraceService/Export ─▶ how many were left out
//   grpc.health.v1.Health/Check ─▶ is it there, and does it serve?
//
// What to sample is asked on the same connection by api_v2, by HTTP beside OTLP, which has no such question.
//
// Source: jaeger-idl api_v2/collector.proto, sampling.proto; OTLP 1.x; grpc/doc/health-checking.md.
// Trust: answers are a peer's.

import { SpoorError } from "../../base/errors.ts";
import type { ClientTls } from "../../net/client-tls.ts";
import { openGrpcClient } from "../../net/grpc-client.ts";
import { GrpcError } from "../../net/grpc-service.ts";
import { GRPC_STATUS } from "../../net/status.ts";
import { readExportAnswer } from "../../wire/otlp-answer.ts";
import { LENGTH, fieldTag } from "../../wire/protobuf-reader.ts";
import { ProtobufWriter } from "../../wire/protobuf-writer.ts";
import { type GrpcLines, openGrpcLines } from "./grpc-lines.ts";
import { verdictOfGrpc } from "./grpc-verdict.ts";
import { openStrategyByHttp } from "./strategy-by-http.ts";
import { type Lane, type LeftOut, NOTHING_LEFT_OUT, type Reporter } from "./reporter.ts";

export interface GrpcReporterOptions {
  readonly tls?: ClientTls | undefined;
  readonly connectTimeoutMs: number;
  /** Of one call. */
  readonly timeoutMs: number;
}

export interface OtlpGrpcReporterOptions extends GrpcReporterOptions {
  /** Where the collector answers questions for strategies, by HTTP. */
  readonly samplingPort: number;
}

const POST_SPANS = "/jaeger.api_v2.CollectorService/PostSpans";
const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const STRATEGY = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy";
const CHECK = "/grpc.health.v1.Health/Check";
/** No health service, or none that knows the server as a whole. */
const KNOWS_NOTHING: ReadonlySet<number> = new Set([
  GRPC_STATUS.UNIMPLEMENTED,
  GRPC_STATUS.NOT_FOUND,
]);
/** HealthCheckResponse { status = 1 SERVING (1) }. */
const SERVING = Uint8Array.of(0x08, 0x01);

export function makeJaegerGrpcReporter(options: GrpcReporterOptions): Reporter {
  const readAnswer = (): LeftOut => NOTHING_LEFT_OUT;
  return makeReporter("grpc", "jaeger-proto", POST_SPANS, readAnswer, options);
}

export function makeOtlpGrpcReporter(options: OtlpGrpcReporterOptions): Reporter {
  const { samplingPort: port, connectTimeoutMs, timeoutMs } = options;
  const reporter = makeReporter("otlp-grpc", "otlp-proto", EXPORT, readLeftOut, options);
  return {
    ...reporter,
    async open(collector, onLost) {
      const lane = await reporter.open(collector, onLost);
      const strategy = openStrategyByHttp(collector, { port, connectTimeoutMs, timeoutMs });
      return {
        ...lane,
        askStrategy: (service, signal) => strategy.askStrategy(service, signal),
        close() {
          strategy.close();
          lane.close();
        },
      };
    },
  };
}

function makeReporter(
  protocol: string,
  format: "jaeger-proto" | "otlp-proto",
  path: string,
  readAnswer: (answer: Uint8Array) => LeftOut,
  options: GrpcReporterOptions,
): Reporter {
  const { connectTimeoutMs, timeoutMs, tls } = options;
  return {
    protocol,
    format,
    async open({ address, hostName }, onLost) {
      const client = await openGrpcLines(
        (onLineLost) =>
          openGrpcClient({ address, hostName, tls, connectTimeoutMs, onLost: onLineLost }),
        onLost,
      );
      const ask = async (method: string, message: Uint8Array, signal: AbortSignal) => {
        try {
          return await client.call(method, message, { timeoutMs, signal });
        } catch (error) {
          throw verdictOfGrpc(error);
        }
      };
      const lane: Lane = {
        send: async (payload, signal) => readAnswer(await ask(path, payload, signal)),
        check: () => check(client, connectTimeoutMs),
        askStrategy: async (service, signal) => ({
          format: "proto",
          payload: await ask(STRATEGY, writeStrategyQuestion(service), signal),
        }),
        close: () => client.close(),
      };
      try {
        await lane.check();
      } catch (error) {
        client.close();
        throw error;
      }
      return lane;
    },
  };
}

/** A server that knows nothing of health is as well as it can say. */
async function check(client: GrpcLines, timeoutMs: number): Promise<void> {
  let answer: Uint8Array;
  try {
    answer = await client.call(CHECK, new Uint8Array(), { timeoutMs });
  } catch (error) {
    if (error instanceof GrpcError && KNOWS_NOTHING.has(error.status)) return;
    throw verdictOfGrpc(error);
  }
  if (Buffer.compare(answer, SERVING) === 0) return;
  throw new SpoorError("unavailable", "the collector says that it does not serve");
}

function readLeftOut(answer: Uint8Array): LeftOut {
  try {
    const { spans, message } = readExportAnswer(answer);
    return { spans: Math.max(0, spans), reason: message };
  } catch (error) {
    // The status said that the payload was taken; sending it again would double it.
    if (error instanceof SpoorError) return NOTHING_LEFT_OUT;
    throw error;
  }
}

/** SamplingStrategyParameters { serviceName = 1 }. */
function writeStrategyQuestion(service: string): Uint8Array {
  const writer = new ProtobufWriter();
  writer.writeText(fieldTag(1, LENGTH), service);
  return writer.take();
}
