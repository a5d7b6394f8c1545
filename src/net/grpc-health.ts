// grpc.health.v1.Health: whether a service serves, asked once (Check) or followed (Watch).
//
//   HealthCheckRequest  { service = 1 string }        0a len utf8
//   HealthCheckResponse { status = 1 enum }           08 01 SERVING · 02 NOT_SERVING · 03 unknown
//
// Two messages with one field each are written here by hand: a protobuf library would be loaded by
// every role for them alone.
//
// Source: grpc/doc/health-checking.md, grpc-proto health/v1/health.proto; grpc-go's words.
// Trust: requests are the peer's; unknown fields are stepped over, what is no protobuf is refused.

import { SpoorError } from "../base/errors.ts";
import { GrpcError, type GrpcService } from "./grpc-service.ts";

export type HealthStatus = "SERVING" | "NOT_SERVING";

export interface GrpcHealth {
  /** To be put among the services of a door. */
  readonly service: GrpcService;
  /** `""` is the server as a whole. Watchers are told. */
  set(serviceName: string, status: HealthStatus): void;
}

const ANSWERS = {
  SERVING: Uint8Array.of(0x08, 1),
  NOT_SERVING: Uint8Array.of(0x08, 2),
  SERVICE_UNKNOWN: Uint8Array.of(0x08, 3),
};
const SERVICE_TAG = 0x0a;

/** All of `serviceNames`, and `""`, start as SERVING. */
export function makeGrpcHealth(serviceNames: readonly string[]): GrpcHealth {
  const statuses = new Map<string, HealthStatus>();
  for (const name of ["", ...serviceNames]) statuses.set(name, "SERVING");
  const watchers = new Set<() => void>();

  async function* watch(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let told: string | undefined;
    let wake = () => {};
    const onChange = () => wake();
    watchers.add(onChange);
    signal.addEventListener("abort", onChange);
    try {
      while (!signal.aborted) {
        const changed = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const status = statuses.get(name) ?? "SERVICE_UNKNOWN";
        if (status !== told) yield ANSWERS[status];
        told = status;
        await changed;
      }
    } finally {
      watchers.delete(onChange);
      signal.removeEventListener("abort", onChange);
    }
  }

  return {
    set(serviceName, status) {
      statuses.set(serviceName, status);
      for (const tell of watchers) tell();
    },
    service: {
      name: "grpc.health.v1.Health",
      methods: {
        Check: {
          kind: "unary",
          handle(message) {
            const status = statuses.get(readServiceName(message));
            if (status === undefined) throw new GrpcError("NOT_FOUND", "unknown service");
            return ANSWERS[status];
          },
        },
        Watch: {
          kind: "server-stream",
          isEndless: true,
          handle: (message, { signal }) => watch(readServiceName(message), signal),
        },
      },
    },
  };
}

/** @throws SpoorError `bad-input` for what is no protobuf message. */
function readServiceName(message: Uint8Array): string {
  let name = "";
  for (let at = 0; at < message.length;) {
    const [tag, afterTag] = readVarint(message, at);
    const [value, afterValue] = readVarint(message, afterTag);
    at = afterValue;
    if ((tag & 7) === 0) continue;
    if ((tag & 7) !== 2 || at + value > message.length) throw notProtobuf(at);
    if (tag === SERVICE_TAG) name = new TextDecoder().decode(message.subarray(at, at + value));
    at += value;
  }
  return name;
}

function readVarint(message: Uint8Array, start: number): readonly [value: number, end: number] {
  let value = 0;
  for (let at = start; at < start + 5; at++) {
    const byte = message[at];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * (at - start));
    if (byte < 0x80) return [value, at + 1];
  }
  throw notProtobuf(start);
}

function notProtobuf(offset: number): SpoorError {
  return new SpoorError("bad-input", "not a HealthCheckRequest", { offset });
}
