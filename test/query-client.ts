// Calls the query service by gRPC as another implementation does: grpc-js, with messages that
// protobufjs makes and reads by the .proto files.
//
//   await callQuery(query, "jaeger.api_v2.QueryService", "GetServices", {}) ─▶ { messages, status, … }
//
// Not here: raw bytes (call-grpc.ts).

import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { TestQuery } from "./open-query.ts";

const definition = loadSync(
  [
    "jaeger/api_v2/query.proto",
    "jaeger/api_v2/metrics/metrics_query.proto",
    "jaeger/api_v3/query_service.proto",
    "jaeger/api_v3/capabilities.proto",
  ],
  {
    keepCase: true,
    includeDirs: [fileURLToPath(new URL("../src/wire/proto", import.meta.url))],
    longs: String,
    enums: String,
    defaults: true,
    oneofs: false,
  },
);

export interface QueryAnswer {
  /** One, or all of a stream. */
  readonly messages: Record<string, unknown>[];
  /** A gRPC status code; 0 is success. */
  readonly status: number;
  readonly details: string;
}

/** Calls `service/method`, a stream or not. */
export function callQuery(
  query: TestQuery,
  service: string,
  method: string,
  request: object,
  headers: Record<string, string> = {},
): Promise<QueryAnswer> {
  const methods = definition[service] as grpc.ServiceDefinition;
  const Client = grpc.makeGenericClientConstructor(methods, service);
  const client = new Client(`127.0.0.1:${query.grpcPort}`, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new Promise((resolve) => {
    const messages: Record<string, unknown>[] = [];
    const finish = (status = 0, details = ""): void => {
      client.close();
      resolve({ messages, status, details });
    };
    if (methods[method]?.responseStream === true) {
      const stream = client[method]?.(request, metadata) as grpc.ClientReadableStream<object>;
      stream.on("data", (message: Record<string, unknown>) => messages.push(message));
      stream.on("error", (error: grpc.ServiceError) => finish(error.code, error.details));
      stream.on("end", () => finish());
      return;
    }
    client[method]?.(
      request,
      metadata,
      (error: grpc.ServiceError | null, message: Record<string, unknown>) => {
        if (error === null) messages.push(message);
        finish(error?.code, error?.details);
      },
    );
  });
}

/** A google.protobuf.Timestamp of µs since the epoch. */
export function timestamp(us: number): object {
  return { seconds: String(Math.floor(us / 1e6)), nanos: (us % 1e6) * 1e3 };
}

/** Span ids of SpansResponseChunk messages, as numbers. */
export function spanIdsV2({ messages }: QueryAnswer): number[] {
  return messages.flatMap(({ spans }) => (spans as Span[]).map(numberOf));
}

/** Span ids of TracesData messages, as numbers. */
export function spanIdsV3({ messages }: QueryAnswer): number[] {
  return (messages as unknown as TracesData[])
    .flatMap(({ resource_spans }) => resource_spans)
    .flatMap(({ scope_spans }) => scope_spans)
    .flatMap(({ spans }) => spans.map(numberOf));
}

interface Span {
  readonly span_id: Buffer;
}

interface TracesData {
  readonly resource_spans: { readonly scope_spans: { readonly spans: Span[] }[] }[];
}

function numberOf({ span_id }: Span): number {
  return Number(span_id.readBigUInt64BE());
}
