// jaeger.api_v3.QueryService and Capabilities: traces as OTLP, one or more messages a trace.
//
//   GetTrace(trace_id)  FindTraces(query)     stream TracesData; nothing where nothing is found
//   FindTraceSummaries(query)                 stream of summaries
//   GetServices  GetOperations  GetDependencies  GetCapabilities
//
// Source: Jaeger's apiv3/grpc_handler.go (v1.76 to v2.20): texts; where it fails without a status of
// its own, the request was bad. jaeger-idl api_v3.

import { SpoorError } from "../base/errors.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { type GrpcContext, GrpcError, type GrpcService } from "../net/grpc-service.ts";
import {
  type TraceQueryMessage,
  readEmpty,
  readFindTraces,
  readGetDependencies,
  readGetOperations,
  readGetTrace,
} from "../wire/query-proto.ts";
import { writeOtlpProto } from "../wire/write-otlp-proto.ts";
import {
  writeCapabilities,
  writeDependencies,
  writeOperationsV3,
  writeServices,
  writeSummaries,
} from "../wire/write-query-proto.ts";
import { makeQuery } from "./grpc-api-v2.ts";
import { findOperations } from "./http-services.ts";
import { within } from "./parse-query.ts";
import { parseTraceId } from "./parse-trace-id.ts";
import type { QueryParts } from "./query-parts.ts";
import { eachTrace } from "./read-traces.ts";
import { chunkTrace } from "./span-chunks.ts";
import { printKind } from "./span-kinds.ts";
import { summarizeTrace } from "./trace-summary.ts";

export const QUERY_SERVICE_V3 = "jaeger.api_v3.QueryService";
export const CAPABILITIES_SERVICE = "jaeger.api_v3.Capabilities";

export function makeQueryServiceV3(parts: QueryParts): GrpcService {
  const { store } = parts;
  return {
    name: QUERY_SERVICE_V3,
    methods: {
      GetTrace: {
        kind: "server-stream",
        handle: (message, context) => getTrace(parts, message, context),
      },
      FindTraces: {
        kind: "server-stream",
        handle: (message, context) => findTraces(parts, message, context),
      },
      FindTraceSummaries: {
        kind: "server-stream",
        handle: (message, context) => findSummaries(parts, message, context),
      },
      GetServices: {
        kind: "unary",
        async handle(message, { signal }) {
          readEmpty(message);
          return writeServices(await store.services(signal));
        },
      },
      GetOperations: {
        kind: "unary",
        async handle(message, { signal }) {
          const { service, kind } = readGetOperations(message);
          const found = await findOperations(parts, service, kind, signal);
          return writeOperationsV3(
            found.map(({ name, kind }) => ({ name, kind: printKind(kind) })),
          );
        },
      },
      GetDependencies: {
        kind: "unary",
        async handle(message, { signal }) {
          const { startUs, endUs } = readGetDependencies(message);
          if (startUs === undefined || endUs === undefined) {
            throw invalid("startTime and endTime must be non-zero");
          }
          if (startUs > endUs) throw invalid("startTime must be less than or equal to endTime");
          const range = { startUsMin: startUs, startUsMax: endUs };
          return writeDependencies(await store.dependencies(range, signal));
        },
      },
    },
  };
}

export function makeCapabilitiesService({ store }: QueryParts): GrpcService {
  return {
    name: CAPABILITIES_SERVICE,
    methods: {
      GetCapabilities: {
        kind: "unary",
        handle(message) {
          readEmpty(message);
          const withoutService = store.capabilities.searchWithoutService;
          return writeCapabilities({ withoutService, sameSpan: true });
        },
      },
    },
  };
}

async function* getTrace(
  parts: QueryParts,
  message: Uint8Array,
  { signal }: GrpcContext,
): AsyncGenerator<Uint8Array> {
  const { traceId, raw } = readGetTrace(message);
  const text = new TextDecoder().decode(traceId);
  const id = within("malform trace ID: ", () => parseTraceId(text));
  const traces = await parts.store.readTraces([id], signal);
  for await (const trace of eachTrace(traces, { adjust: parts.adjust, raw }))
    yield* writeTrace(trace);
}

async function* findTraces(
  parts: QueryParts,
  message: Uint8Array,
  context: GrpcContext,
): AsyncGenerator<Uint8Array> {
  for await (const trace of find(parts, message, context)) yield* writeTrace(trace);
}

async function* findSummaries(
  parts: QueryParts,
  message: Uint8Array,
  context: GrpcContext,
): AsyncGenerator<Uint8Array> {
  for await (const trace of find(parts, message, context)) {
    yield writeSummaries([summarizeTrace(trace)]);
  }
}

async function* find(
  parts: QueryParts,
  message: Uint8Array,
  { signal }: GrpcContext,
): AsyncGenerator<SpanBatch> {
  const asked = checkQuery(readFindTraces(message));
  const traces = parts.store.findEach(makeQuery(asked, 0, 0), signal);
  yield* eachTrace(traces, { adjust: parts.adjust, raw: asked.raw });
}

/** @returns `asked`, which has both times. */
function checkQuery(asked: TraceQueryMessage | undefined): TraceQueryMessage {
  if (asked === undefined) throw invalid("missing query");
  if (asked.hasFilter) throw new SpoorError("unsupported", "a structured filter is not supported");
  const { startUsMin, startUsMax, depth } = asked;
  if (startUsMin === undefined || startUsMax === undefined) {
    throw invalid("start time min and max are required parameters");
  }
  if (startUsMin > startUsMax) throw invalid("start_time_min must be before start_time_max");
  if (depth < 0) throw invalid("search depth must be greater than 0");
  return asked;
}

function* writeTrace(trace: SpanBatch): Generator<Uint8Array> {
  for (const chunk of chunkTrace(trace)) yield writeOtlpProto([chunk]);
}

function invalid(message: string): GrpcError {
  return new GrpcError("INVALID_ARGUMENT", message);
}
