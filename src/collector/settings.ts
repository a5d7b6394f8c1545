// Settings of the collector: its doors, their limits, and what may be in flight.
//
// Source: the flags of Jaeger's collector up to v1.76; `collector.max-inflight-bytes` is ours, and
// the Zipkin door is open where Jaeger's is shut.
// Not here: settings of every role (cli/settings.ts), of a store (store/memory/settings.ts).

import type { ConfigOf, Settings } from "../base/settings.ts";
import { deprecatedAlias, ignored, setting } from "../base/settings.ts";
import { corsSettings, tlsSettings } from "../base/settings-groups.ts";

const grpcDoors = {
  "collector.grpc-server.host-port": setting("host-port", ":14250", {
    help: "Where Jaeger clients and agents send by gRPC (api_v2).",
    aliases: [deprecatedAlias("collector.grpc-port", "port")],
  }),
  "collector.grpc-server.max-message-size": setting("bytes", "4MiB", {
    help: "Largest message that the Jaeger gRPC door takes.",
    min: 1,
    max: 2 ** 31 - 1,
  }),
  "collector.grpc-server.max-connection-age": setting("duration", "0s", {
    help: "Age at which a connection is asked to go, so that load spreads anew; 0s: never.",
  }),
  "collector.grpc-server.max-connection-age-grace": setting("duration", "0s", {
    help: "Time that calls on such a connection have to finish; 0s: as long as they need.",
  }),
  ...tlsSettings("collector.grpc", {
    enabled: [deprecatedAlias("collector.grpc.tls")],
    clientCa: [deprecatedAlias("collector.grpc.tls.client.ca")],
  }),
  "collector.tchan-server.host-port": setting("host-port", ":14267", {
    help: "Where Jaeger agents up to v1.17 send by TChannel.",
    aliases: [deprecatedAlias("collector.port", "port")],
  }),
  "collector.otlp.enabled": setting("bool", true, {
    help: "Whether the two OTLP doors are open.",
  }),
  "collector.otlp.grpc.host-port": setting("host-port", ":4317", {
    help: "Where OpenTelemetry senders connect by gRPC.",
    onlyIf: "collector.otlp.enabled",
  }),
  "collector.otlp.grpc.max-message-size": setting("bytes", "4MiB", {
    help: "Largest message that the OTLP gRPC door takes.",
    min: 1,
    max: 2 ** 31 - 1,
  }),
  "collector.otlp.grpc.max-connection-age": setting("duration", "0s", {
    help: "Age at which a connection is asked to go, so that load spreads anew; 0s: never.",
  }),
  "collector.otlp.grpc.max-connection-age-grace": setting("duration", "0s", {
    help: "Time that calls on such a connection have to finish; 0s: as long as they need.",
  }),
  ...tlsSettings("collector.otlp.grpc"),
};

const httpDoors = {
  "collector.http-server.host-port": setting("host-port", ":14268", {
    help: "Where Jaeger clients send thrift by HTTP.",
    aliases: [deprecatedAlias("collector.http-port", "port")],
  }),
  "collector.http-server.idle-timeout": setting("duration", "0s", {
    help: "How long a kept-alive connection may be silent between requests; 0s: the server's own.",
  }),
  "collector.http-server.read-timeout": setting("duration", "0s", {
    help: "How long a whole request may take to arrive; 0s: the server's own limit.",
  }),
  "collector.http-server.read-header-timeout": setting("duration", "2s", {
    help: "How long the head of a request may take to arrive.",
  }),
  ...tlsSettings("collector.http"),
  "collector.otlp.http.host-port": setting("host-port", ":4318", {
    help: "Where OpenTelemetry senders connect by HTTP (`/v1/traces`).",
    onlyIf: "collector.otlp.enabled",
  }),
  "collector.otlp.http.idle-timeout": setting("duration", "0s", {
    help: "How long a kept-alive connection may be silent between requests; 0s: the server's own.",
  }),
  "collector.otlp.http.read-timeout": setting("duration", "0s", {
    help: "How long a whole request may take to arrive; 0s: the server's own limit.",
  }),
  "collector.otlp.http.read-header-timeout": setting("duration", "2s", {
    help: "How long the head of a request may take to arrive.",
  }),
  ...corsSettings("collector.otlp.http"),
  ...tlsSettings("collector.otlp.http"),
  "collector.zipkin.host-port": setting("host-port", ":9411", {
    help: "Where Zipkin reporters send (`/api/v1/spans`, `/api/v2/spans`).",
    aliases: [deprecatedAlias("collector.zipkin.http-port", "port")],
  }),
  "collector.zipkin.keep-alive": setting("bool", true, {
    help: "Whether the Zipkin door keeps connections open between requests.",
  }),
  ...corsSettings("collector.zipkin", {
    origins: [deprecatedAlias("collector.zipkin.allowed-origins")],
    headers: [deprecatedAlias("collector.zipkin.allowed-headers")],
  }),
  ...tlsSettings("collector.zipkin"),
};

export const collectorSettings = {
  ...grpcDoors,
  ...httpDoors,
  "collector.max-http-body-size": setting("bytes", "20MiB", {
    help: "Largest body that an HTTP door takes, as it comes and decompressed, and largest TChannel call.",
    min: 1,
    max: 2 ** 31 - 1,
  }),
  "collector.max-inflight-bytes": setting("bytes", "64MiB", {
    help: "Bytes of bodies that may be on their way in, and of those that may wait for the store; a peer that comes later is told to retry.",
    min: 1_048_576,
    aliases: [{ name: "collector.queue-size-memory", as: "mib", deprecated: false }],
  }),
  "collector.tags": setting("tags", "", {
    help: "Process tags for every span, `k1=v1,k2=${VARIABLE:default}`.",
  }),
  "collector.enable-span-size-metrics": ignored(
    "no value",
    "the bytes of spans are always counted",
  ),
  "collector.queue-size": ignored("value", "what waits is bounded by collector.max-inflight-bytes"),
  "collector.num-workers": ignored("value", "spans are written as they arrive, without workers"),
} satisfies Settings;

/** `{ "collector.grpc-server.host-port": HostPort | undefined, … }`. */
export type CollectorConfig = ConfigOf<typeof collectorSettings>;
