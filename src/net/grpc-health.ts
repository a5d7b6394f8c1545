// grpc.health.v1.Health: Check and Watch.

import type { GrpcService } from "./grpc-service.ts";

export type HealthStatus = "SERVING" | "NOT_SERVING";

export interface GrpcHealth {
  /** To be put among the services of a door. */
  readonly service: GrpcService;
  /** `""` is the server as a whole. Watchers are told. */
  set(serviceName: string, status: HealthStatus): void;
}

/** All of `serviceNames`, and `""`, start as SERVING. */
export function makeGrpcHealth(_serviceNames: readonly string[]): GrpcHealth {
  throw new Error("bug: not written yet");
}
