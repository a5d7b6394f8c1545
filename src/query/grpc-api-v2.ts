// jaeger.api_v2.QueryService: traces as streams of at most ten spans a message.
//
//   GetTrace(trace_id)  FindTraces(query)     stream SpansResponseChunk
//   GetServices  GetOperations  GetDependencies  ArchiveTrace
//
// A search without a service name looks at all of them.
// Source: Jaeger's grpc_handler.go (v1.76): statuses and texts; jaeger-idl api_v2/query.proto.

import type { TraceQuery } from "../model/trace-query.ts";
import { type GrpcContext, GrpcError, type GrpcService } from "../net/grpc-service.ts";
import {
  type TraceQueryMessage,
  readEmpty,
  readFindTraces,
  readGetDependencies,
  readGetOperations,
  readGetTrace,
} from "../wire/query-proto.ts";
import { writeApiV2Spans } from "../wire/write-jaeger-proto.ts";
import { writeDependencies, writeOperationsV2, writeServices } from "../wire/write-query-proto.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { findOperations } from "./http-services.ts";
import { LIMIT_DEFAULT, boundLimit } from "./parse-query.ts";
import type { QueryParts } from "./query-parts.ts";
import { eachTrace } from "./read-traces.ts";
import { chunkRows } from "./span-chunks.ts";
import { printKind } from "./span-kinds.ts";

export const QUERY_SERVICE_V2 = "jaeger.api_v2.QueryService";

/** Jaeger's own number of spans a message. */
const CHUNK_ROWS_MAX = 10;

const NOT_FOUND = "trace not found: trace not found";

export function makeQueryServiceV2(parts: QueryParts): GrpcService {
  const { store } = parts;
  return {
    name: QUERY_SERVICE_V2,
    methods: {
      GetTrace: {
        kind: "server-stream",
        handle: (message, context) => getTrace(parts, message, context),
      },
      FindTraces: {
        kind: "server-stream",
        handle: (message, context) => findTraces(parts, message, context),
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
          return writeOperationsV2(
            found.map(({ name, kind }) => ({ name, kind: printKind(kind) })),
          );
        },
      },
      GetDependencies: {
        kind: "unary",
        async handle(message, { signal }) {
          const { startUs, endUs } = readGetDependencies(message);
          if (startUs === undefined || endUs === undefined) {
            throw new GrpcError("INVALID_ARGUMENT", "StartTime and EndTime must be initialized.");
          }
          const range = { startUsMin: startUs, startUsMax: endUs };
          return writeDependencies(await store.dependencies(range, signal));
        },
      },
      ArchiveTrace: {
        kind: "unary",
        async handle(message, { signal }) {
          const id = idOf(readGetTrace(message).traceId);
          if (!store.capabilities.archive) {
            const why = "archive span storage was not configured";
            throw new GrpcError("INTERNAL", `failed to archive trace: ${why}`);
          }
          if (!(await store.archive(id, signal))) throw new GrpcError("NOT_FOUND", NOT_FOUND);
          return new Uint8Array(0);
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
  const traces = await parts.store.readTraces([idOf(traceId)], signal);
  if (traces.length === 0) throw new GrpcError("NOT_FOUND", NOT_FOUND);
  for await (const trace of eachTrace(traces, { adjust: parts.adjust, raw }))
    yield* writeTrace(trace);
}

async function* findTraces(
  parts: QueryParts,
  message: Uint8Array,
  { signal }: GrpcContext,
): AsyncGenerator<Uint8Array> {
  const asked = readFindTraces(message);
  if (asked === undefined) throw new GrpcError("INVALID_ARGUMENT", "missing query");
  const query = makeQuery(asked, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const traces = parts.store.findEach(query, signal);
  const view = { adjust: parts.adjust, raw: asked.raw };
  for await (const trace of eachTrace(traces, view)) yield* writeTrace(trace);
}

function* writeTrace(trace: SpanBatch): Generator<Uint8Array> {
  for (const [from, to] of chunkRows(trace, CHUNK_ROWS_MAX)) yield writeApiV2Spans(trace, from, to);
}

/** The store's question. @param startUsMin, startUsMax for times that were not sent. */
export function makeQuery(
  asked: TraceQueryMessage,
  startUsMin: number,
  startUsMax: number,
): TraceQuery {
  const { service, operation, attributes, durationNsMin, durationNsMax, depth } = asked;
  return {
    ...(service === "" ? {} : { service }),
    ...(operation === "" ? {} : { operation }),
    startUsMin: asked.startUsMin ?? startUsMin,
    startUsMax: asked.startUsMax ?? startUsMax,
    ...(durationNsMin === 0 ? {} : { durationNsMin }),
    ...(durationNsMax === 0 ? {} : { durationNsMax }),
    attributes,
    limit: boundLimit(depth === 0 ? LIMIT_DEFAULT : depth),
  };
}

/** 16 bytes, or 8 that are the low half. */
function idOf(bytes: Uint8Array): Uint8Array {
  if (bytes.every((byte) => byte === 0)) {
    throw new GrpcError("INVALID_ARGUMENT", "uninitialized TraceID is not allowed");
  }
  if (bytes.length !== 8 && bytes.length !== 16) {
    const what = `invalid length for TraceID: ${bytes.length}, expected 8 or 16`;
    throw new GrpcError("INVALID_ARGUMENT", what);
  }
  const id = new Uint8Array(16);
  id.set(bytes, 16 - bytes.length);
  return id;
}
