// The doors that only answer about sampling: HTTP 5778 and gRPC 5779 of the all-in-one.
//
// Clients look for an agent at 5778 of their own machine; an all-in-one stands in for it.
// Source: Jaeger v1.76 all-in-one, Jaeger v2 extension remote_sampling.

import { fileURLToPath } from "node:url";
import type { Clock } from "../base/clock.ts";
import { printHostPort } from "../base/host-port.ts";
import type { Log } from "../base/log.ts";
import type { MetricsRegistry } from "../base/metrics.ts";
import { makeGrpcHealth } from "../net/grpc-health.ts";
import { makeGrpcReflection } from "../net/grpc-reflection.ts";
import { openGrpcServer } from "../net/grpc-server.ts";
import { openHttpServer } from "../net/http-server.ts";
import type { GrpcLimits, HttpLimits } from "../net/limits.ts";
import { makeSamplingCount } from "./sampling-count.ts";
import { SAMPLING_PROTO_FILE, makeSamplingService } from "./sampling-grpc.ts";
import { makeSamplingRoutes } from "./sampling-routes.ts";
import type { SamplingDoorConfig } from "./settings.ts";
import type { SamplingSource } from "./strategies.ts";

export interface SamplingDoorOptions {
  readonly config: SamplingDoorConfig;
  readonly source: SamplingSource;
  readonly registry: MetricsRegistry;
  readonly log: Log;
  readonly clock: Clock;
  readonly onBug: (error: unknown) => void;
}

interface SamplingAddress {
  /** For people: "Sampling HTTP". */
  readonly name: string;
  /** `http://127.0.0.1:5778`, or `127.0.0.1:5779` for gRPC. */
  readonly at: string;
}

export interface SamplingDoors {
  readonly addresses: readonly SamplingAddress[];
  close(graceMs: number): Promise<void>;
}

/** A question is the name of a service. */
const QUESTION_BYTES_MAX = 65_536;
const HTTP_LIMITS: Partial<HttpLimits> = {
  bodyBytesMax: QUESTION_BYTES_MAX,
  plainBytesMax: QUESTION_BYTES_MAX,
};
const GRPC_LIMITS: Partial<GrpcLimits> = { messageBytesMax: QUESTION_BYTES_MAX };

const PROTO_FOLDER = fileURLToPath(new URL("../wire/proto", import.meta.url));

/** Opens each door that has an address, or none. @throws SpoorError `unavailable` */
export async function openSamplingDoors(options: SamplingDoorOptions): Promise<SamplingDoors> {
  const { config, source, registry, log, clock, onBug } = options;
  const addresses: SamplingAddress[] = [];
  await using opening = new AsyncDisposableStack();
  let graceMs = 0;
  const http = config["http-server.host-port"];
  if (http !== undefined) {
    const onRequest = makeSamplingCount(registry);
    const door = await openHttpServer({
      name: "sampling-http",
      hostPort: http,
      routes: makeSamplingRoutes(source, { onRequest }),
      log,
      onBug,
      limits: HTTP_LIMITS,
    });
    opening.defer(() => door.close(graceMs));
    const at = `http://${printHostPort({ host: door.address, port: door.port })}`;
    addresses.push({ name: "Sampling HTTP", at });
  }
  const grpc = config["sampling.grpc-server.host-port"];
  if (grpc !== undefined) {
    const service = makeSamplingService(source);
    const health = makeGrpcHealth([service.name]);
    const door = await openGrpcServer({
      name: "sampling-grpc",
      hostPort: grpc,
      services: [
        service,
        health.service,
        ...makeGrpcReflection([SAMPLING_PROTO_FILE], [PROTO_FOLDER]),
      ],
      log,
      onBug,
      clock,
      limits: GRPC_LIMITS,
    });
    opening.defer(() => door.close(graceMs));
    const at = printHostPort({ host: door.address, port: door.port });
    addresses.push({ name: "Sampling gRPC", at });
  }
  const opened = opening.move();
  return {
    addresses,
    async close(grace) {
      graceMs = grace;
      await opened.disposeAsync();
    },
  };
}
