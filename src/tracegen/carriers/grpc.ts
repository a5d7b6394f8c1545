// Unary gRPC: OTLP (4317) and Jaeger's api_v2 (14250), by one connection.
//
// Trust: answers are a peer's.

import { openGrpcClient } from "../../net/grpc-client.ts";
import { GrpcError } from "../../net/grpc-service.ts";
import { GRPC_STATUS } from "../../net/status.ts";
import { type Carrier, type Reason, type Verdict, refused } from "./carrier.ts";
import { CONNECT_MS_MAX, PAYLOAD_BYTES_MAX, SEND_MS_MAX } from "./limits.ts";

export interface GrpcCarrierOptions {
  readonly path: string;
  readonly write: Carrier["write"];
  readonly readAnswer: (answer: Uint8Array) => Verdict;
}

const REASONS: ReadonlyMap<number, Reason> = new Map([
  [GRPC_STATUS.INVALID_ARGUMENT, "invalid"],
  [GRPC_STATUS.FAILED_PRECONDITION, "invalid"],
  [GRPC_STATUS.RESOURCE_EXHAUSTED, "overloaded"],
  [GRPC_STATUS.UNAVAILABLE, "unavailable"],
  [GRPC_STATUS.DEADLINE_EXCEEDED, "unavailable"],
  [GRPC_STATUS.UNIMPLEMENTED, "unsupported"],
  [GRPC_STATUS.PERMISSION_DENIED, "forbidden"],
  [GRPC_STATUS.UNAUTHENTICATED, "forbidden"],
]);

export function makeGrpcCarrier({ path, write, readAnswer }: GrpcCarrierOptions): Carrier {
  return {
    payloadBytesMax: PAYLOAD_BYTES_MAX,
    write,
    async open(address) {
      const client = await openGrpcClient({
        address,
        hostName: address.host,
        connectTimeoutMs: CONNECT_MS_MAX,
        onLost: () => undefined, // `isOpen` says so
      });
      return {
        get isOpen() {
          return client.isOpen;
        },
        async send(bytes) {
          try {
            return readAnswer(await client.call(path, bytes, { timeoutMs: SEND_MS_MAX }));
          } catch (error) {
            return verdictOf(error);
          }
        },
        close: () => client.close(),
      };
    },
  };
}

function verdictOf(error: unknown): Verdict {
  if (!(error instanceof GrpcError)) throw error;
  const { status, message, isAnswer } = error;
  const reason = isAnswer ? (REASONS.get(status) ?? "other") : "unanswered";
  return refused(reason, `gRPC status ${status}: ${message}`);
}
