// jaeger.api_v2.SamplingManager: sampling strategies by gRPC, at 14250 and 5779.
//
//   GetSamplingStrategy(SamplingStrategyParameters) ─▶ SamplingStrategyResponse
//
// Source: jaeger-idl, proto/api_v2/sampling.proto. Trust: the message's size was checked by the server.

import type { GrpcService } from "../net/grpc-service.ts";
import { readStrategyQuestion, writeStrategyProto } from "./strategy-proto.ts";
import type { SamplingSource } from "./strategies.ts";

/** Below `src/wire/proto`, for reflection. */
export const SAMPLING_PROTO_FILE = "jaeger/api_v2/sampling.proto";

export function makeSamplingService(source: SamplingSource): GrpcService {
  return {
    name: "jaeger.api_v2.SamplingManager",
    methods: {
      GetSamplingStrategy: {
        kind: "unary",
        async handle(message) {
          return writeStrategyProto(await source.strategyOf(readStrategyQuestion(message)));
        },
      },
    },
  };
}
