// All gRPC services of the query service.
//
//   jaeger.api_v2.QueryService           jaeger.api_v2.metrics.MetricsQueryService
//   jaeger.api_v3.QueryService           jaeger.api_v3.Capabilities
//   grpc.health.v1.Health                grpc.reflection.v1, v1alpha
//
// Not here: sockets (net), opening the door (query.ts).

import { fileURLToPath } from "node:url";
import { makeGrpcHealth } from "../net/grpc-health.ts";
import { makeGrpcReflection } from "../net/grpc-reflection.ts";
import type { GrpcContext, GrpcMethod, GrpcService } from "../net/grpc-service.ts";
import { callWithToken, iterateWithToken } from "../store/bearer-token.ts";
import { parseBearerToken } from "./bearer-token.ts";
import { makeQueryServiceV2 } from "./grpc-api-v2.ts";
import { makeCapabilitiesService, makeQueryServiceV3 } from "./grpc-api-v3.ts";
import { makeMetricsService } from "./grpc-metrics.ts";
import type { QueryParts } from "./query-parts.ts";

export interface GrpcApiOptions {
  /** Passes the bearer token of a call on to the store. */
  readonly passesToken: boolean;
}

const PROTO_FOLDER = fileURLToPath(new URL("../wire/proto", import.meta.url));
const PROTO_FILES = [
  "jaeger/api_v2/query.proto",
  "jaeger/api_v2/metrics/metrics_query.proto",
  "jaeger/api_v3/query_service.proto",
  "jaeger/api_v3/capabilities.proto",
];

export function makeGrpcServices(
  parts: QueryParts,
  options: GrpcApiOptions,
): readonly GrpcService[] {
  const services = [
    makeQueryServiceV2(parts),
    makeMetricsService(parts),
    makeQueryServiceV3(parts),
    makeCapabilitiesService(parts),
  ];
  const health = makeGrpcHealth(services.map(({ name }) => name));
  return [
    ...(options.passesToken ? services.map(passTokens) : services),
    health.service,
    ...makeGrpcReflection(PROTO_FILES, [PROTO_FOLDER]),
  ];
}

function passTokens({ name, methods }: GrpcService): GrpcService {
  const passing = Object.entries(methods).map(([method, own]) => [method, passToken(own)] as const);
  return { name, methods: Object.fromEntries(passing) };
}

function passToken(method: GrpcMethod): GrpcMethod {
  const tokenOf = ({ metadata }: GrpcContext): string | undefined =>
    parseBearerToken((name) => metadata.get(name));
  if (method.kind === "unary") {
    return {
      kind: "unary",
      handle(message: Uint8Array, context: GrpcContext) {
        const token = tokenOf(context);
        const handle = (): Uint8Array | Promise<Uint8Array> => method.handle(message, context);
        return token === undefined ? handle() : callWithToken(token, handle);
      },
    };
  }
  if (method.kind === "duplex") return method;
  return {
    ...method,
    handle(message: Uint8Array, context: GrpcContext) {
      const token = tokenOf(context);
      const messages = method.handle(message, context);
      return token === undefined ? messages : iterateWithToken(token, messages);
    },
  };
}
