// Which doors a collector has, by its config: where each listens, with what limits, speaking what.
//
//   door          port    settings                                      speaks
//   otlp-grpc     4317    collector.otlp.grpc.*                         otlp-grpc.ts
//   otlp-http     4318    collector.otlp.http.*                         otlp-http.ts
//   jaeger-grpc   14250   collector.grpc-server.*, collector.grpc.tls   jaeger-grpc.ts
//   jaeger-http   14268   collector.http-server.*, collector.http.tls   jaeger-http.ts
//   tchannel      14267   collector.tchan-server.host-port              tchannel.ts
//   zipkin        9411    collector.zipkin.*                            zipkin.ts
//
// Not here: opening them (collector.ts).

import type { HostPort } from "../../base/host-port.ts";
import { type TlsConfig, tlsConfigOf } from "../../base/settings-groups.ts";
import type { HttpCors } from "../../net/cors.ts";
import type { GrpcLimits, HttpLimits, TChannelLimits } from "../../net/limits.ts";
import { SAMPLING_PROTO_FILE } from "../../sampling/sampling-grpc.ts";
import type { Intake } from "../intake.ts";
import type { DoorName, Ledger } from "../ledger.ts";
import type { CollectorConfig } from "../settings.ts";
import type { DoorSampling, GrpcDoor, HttpDoor, TChannelDoor } from "./door.ts";
import { makeJaegerGrpcDoor } from "./jaeger-grpc.ts";
import { makeJaegerHttpDoor } from "./jaeger-http.ts";
import { makeOtlpGrpcDoor } from "./otlp-grpc.ts";
import { makeOtlpHttpDoor } from "./otlp-http.ts";
import { makeTChannelDoor } from "./tchannel.ts";
import { makeZipkinDoor } from "./zipkin.ts";

interface Plan {
  readonly name: DoorName;
  /** For people: "OTLP gRPC". */
  readonly title: string;
  /** undefined: the door stays shut. */
  readonly hostPort: HostPort | undefined;
  readonly tls: TlsConfig | undefined;
}

export interface HttpDoorPlan extends Plan {
  readonly kind: "http";
  readonly limits: Partial<HttpLimits>;
  readonly cors?: HttpCors;
  readonly headers?: Readonly<Record<string, string>>;
  readonly make: (intake: Intake, ledger: Ledger, sampling?: DoorSampling) => HttpDoor;
}

export interface GrpcDoorPlan extends Plan {
  readonly kind: "grpc";
  readonly limits: Partial<GrpcLimits>;
  /** Describe the services, below `src/wire/proto`. */
  readonly protoFiles: readonly string[];
  readonly make: (intake: Intake, ledger: Ledger, sampling?: DoorSampling) => GrpcDoor;
}

export interface TChannelDoorPlan extends Plan {
  readonly kind: "tchannel";
  readonly limits: Partial<TChannelLimits>;
  readonly make: (intake: Intake, ledger: Ledger, sampling?: DoorSampling) => TChannelDoor;
}

export type DoorPlan = HttpDoorPlan | GrpcDoorPlan | TChannelDoorPlan;

/** @throws SpoorError `bad-input` when TLS settings of a door contradict each other. */
export function planDoors(config: CollectorConfig): readonly DoorPlan[] {
  return [...planOtlp(config), ...planJaeger(config), planZipkin(config)];
}

function planOtlp(config: CollectorConfig): DoorPlan[] {
  return [
    {
      kind: "grpc",
      name: "otlp-grpc",
      title: "OTLP gRPC",
      hostPort: config["collector.otlp.grpc.host-port"],
      tls: tlsConfigOf(config, "collector.otlp.grpc"),
      limits: {
        messageBytesMax: config["collector.otlp.grpc.max-message-size"],
        connectionAgeMaxMs: config["collector.otlp.grpc.max-connection-age"],
        connectionAgeGraceMs: config["collector.otlp.grpc.max-connection-age-grace"],
      },
      protoFiles: ["opentelemetry/proto/collector/trace/v1/trace_service.proto"],
      make: makeOtlpGrpcDoor,
    },
    {
      kind: "http",
      name: "otlp-http",
      title: "OTLP HTTP",
      hostPort: config["collector.otlp.http.host-port"],
      tls: tlsConfigOf(config, "collector.otlp.http"),
      limits: httpLimitsOf(
        config,
        config["collector.otlp.http.idle-timeout"],
        config["collector.otlp.http.read-timeout"],
        config["collector.otlp.http.read-header-timeout"],
      ),
      cors: {
        allowedOrigins: config["collector.otlp.http.cors.allowed-origins"],
        allowedHeaders: config["collector.otlp.http.cors.allowed-headers"],
      },
      make: makeOtlpHttpDoor,
    },
  ];
}

function planJaeger(config: CollectorConfig): DoorPlan[] {
  return [
    {
      kind: "grpc",
      name: "jaeger-grpc",
      title: "Jaeger gRPC",
      hostPort: config["collector.grpc-server.host-port"],
      tls: tlsConfigOf(config, "collector.grpc"),
      limits: {
        messageBytesMax: config["collector.grpc-server.max-message-size"],
        connectionAgeMaxMs: config["collector.grpc-server.max-connection-age"],
        connectionAgeGraceMs: config["collector.grpc-server.max-connection-age-grace"],
      },
      protoFiles: ["jaeger/api_v2/collector.proto", SAMPLING_PROTO_FILE],
      make: makeJaegerGrpcDoor,
    },
    {
      kind: "http",
      name: "jaeger-http",
      title: "Jaeger HTTP (thrift)",
      hostPort: config["collector.http-server.host-port"],
      tls: tlsConfigOf(config, "collector.http"),
      limits: httpLimitsOf(
        config,
        config["collector.http-server.idle-timeout"],
        config["collector.http-server.read-timeout"],
        config["collector.http-server.read-header-timeout"],
      ),
      make: makeJaegerHttpDoor,
    },
    {
      kind: "tchannel",
      name: "tchannel",
      title: "Jaeger TChannel",
      hostPort: config["collector.tchan-server.host-port"],
      tls: undefined,
      limits: { bodyBytesMax: config["collector.max-http-body-size"] },
      make: makeTChannelDoor,
    },
  ];
}

function planZipkin(config: CollectorConfig): DoorPlan {
  return {
    kind: "http",
    name: "zipkin",
    title: "Zipkin HTTP",
    hostPort: config["collector.zipkin.host-port"],
    tls: tlsConfigOf(config, "collector.zipkin"),
    limits: httpLimitsOf(config, 0, 0, 0),
    cors: {
      allowedOrigins: config["collector.zipkin.cors.allowed-origins"],
      allowedHeaders: config["collector.zipkin.cors.allowed-headers"],
    },
    headers: config["collector.zipkin.keep-alive"] ? {} : { Connection: "close" },
    make: makeZipkinDoor,
  };
}

/** The bound of bodies and Jaeger's times; 0 leaves the server's own. */
function httpLimitsOf(
  { "collector.max-http-body-size": bytesMax }: CollectorConfig,
  idleMs: number,
  readMs: number,
  readHeaderMs: number,
): Partial<HttpLimits> {
  return {
    bodyBytesMax: bytesMax,
    plainBytesMax: bytesMax,
    ...(idleMs > 0 ? { idleTimeoutMs: idleMs } : {}),
    ...(readMs > 0 ? { requestTimeoutMs: readMs } : {}),
    ...(readHeaderMs > 0 ? { headersTimeoutMs: readHeaderMs } : {}),
  };
}
