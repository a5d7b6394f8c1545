// Settings of the agent's own part: its doors, joining.
//
// Source: the flags of jaeger-agent v1.6 to v1.62; what starts with `agent.` but `agent.tags` is ours.
// Not here: where spans are forwarded to (forwarder-settings.ts), settings of every role (cli/settings.ts).

import type { HostPort } from "../base/host-port.ts";
import type { ConfigOf, IgnoredSetting, Setting, Settings } from "../base/settings.ts";
import { deprecatedAlias, ignored, setting } from "../base/settings.ts";

/** A datagram over IPv4 cannot be longer. */
const PACKET_BYTES_MAX = 65_507;

/** One group of rows: `processor.<name>.…`. */
export type ProcessorName = "jaeger-compact" | "jaeger-binary" | "zipkin-compact";

interface ProcessorRows {
  readonly "server-host-port": Setting<HostPort | undefined>;
  readonly "server-max-packet-size": Setting<number>;
  readonly "server-queue-size": Setting<number>;
  readonly "server-socket-buffer-size": Setting<number>;
  readonly workers: IgnoredSetting;
}

type ProcessorSettings<P extends ProcessorName> = {
  readonly [K in keyof ProcessorRows as `processor.${P}.${K}`]: ProcessorRows[K];
};

function processorSettings<P extends ProcessorName>(
  name: P,
  hostPort: string,
  what: string,
): ProcessorSettings<P> {
  const rows: ProcessorRows = {
    "server-host-port": setting("host-port", hostPort, { help: `Where clients send ${what}.` }),
    "server-max-packet-size": setting("bytes", "65000", {
      help: "Longest packet that is read; a longer one is dropped and counted.",
      min: 1,
      max: PACKET_BYTES_MAX,
    }),
    "server-queue-size": setting("count", 1_000, {
      help: "Packets of this door that may wait to be read; what comes then is dropped and counted.",
      min: 1,
      max: 1_000_000,
    }),
    "server-socket-buffer-size": setting("bytes", "0", {
      help: "Receive buffer to ask the kernel for; 0: as much as it gives, up to 4MiB.",
      max: 2 ** 30,
    }),
    workers: ignored("value", "packets are read as they arrive, without workers"),
  };
  const named = Object.entries(rows).map(
    ([key, row]: [string, unknown]) => [`processor.${name}.${key}`, row] as const,
  );
  // Object.fromEntries forgets the names; ProcessorSettings says which they are.
  return Object.fromEntries(named) as ProcessorSettings<P>;
}

export const agentSettings = {
  ...processorSettings("jaeger-compact", ":6831", "jaeger.thrift, compact protocol"),
  ...processorSettings("jaeger-binary", ":6832", "jaeger.thrift, binary protocol"),
  ...processorSettings("zipkin-compact", ":5775", "zipkin.thrift, compact protocol"),
  "http-server.host-port": setting("host-port", ":5778", {
    help: "Where clients ask how to sample (`/sampling`).",
  }),
  "agent.tags": setting("tags", "", {
    help: "Process tags for every span, `k1=v1,k2=${VARIABLE:default}`.",
    aliases: [deprecatedAlias("jaeger.tags")],
  }),
  "agent.max-queue-bytes": setting("bytes", "16MiB", {
    help: "Bytes of packets that may wait to be read, of all doors together.",
    min: 131_072,
    max: 2 ** 31 - 1,
  }),
  "agent.max-inflight-bytes": setting("bytes", "8MiB", {
    help: "Bytes of joined packets that may be on their way to a collector or the spool at once.",
    min: 131_072,
    max: 2 ** 31 - 1,
  }),
  "agent.batch-max-bytes": setting("bytes", "256KiB", {
    help: "Packets are joined into one batch until they have so many bytes together.",
    min: 1,
    max: 2_097_152, // what becomes of it must stay below the 4 MiB that a collector takes
  }),
  "agent.batch-max-age": setting("duration", "50ms", {
    help: "Longest time that a packet waits for others to be joined with.",
    max: 10_000,
  }),
  "agent.otlp.enabled": setting("bool", false, {
    help: "Whether spans are taken by OTLP, too.",
  }),
  "agent.otlp.grpc.host-port": setting("host-port", ":4317", {
    help: "Where OpenTelemetry senders connect by gRPC.",
    onlyIf: "agent.otlp.enabled",
  }),
  "agent.otlp.http.host-port": setting("host-port", ":4318", {
    help: "Where OpenTelemetry senders connect by HTTP (`/v1/traces`).",
    onlyIf: "agent.otlp.enabled",
  }),
  "agent.otlp.max-message-size": setting("bytes", "4MiB", {
    help: "Largest request by OTLP that is taken, as it comes and decompressed.",
    min: 1,
    max: 64 * 1024 * 1024,
  }),
} satisfies Settings;

export type AgentConfig = ConfigOf<typeof agentSettings>;
