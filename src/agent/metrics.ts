// What the agent counts for Prometheus: Jaeger's names, old and new, and the ledger's.
//
//   jaeger_agent_thrift_udp_server_packets_dropped_total{protocol,model}     and without _total (≤ 1.8)
//   jaeger_agent_reporter_batches_submitted_total{format,protocol}           one a batch that was joined
//   jaeger_agent_tc_reporter_jaeger_batches_failures                         v1.6's names of the same
//   spoor_agent_{packets,spans}_…_total{door[,reason]}                       the ledger
//
// Labels come from closed sets; what is known by service is in the ledger alone.
//
// Source: Jaeger v1.6, v1.8, v1.41: cmd/agent/app/{processors,servers,reporter,httpserver}.
// Not here: the books (ledger.ts), how metrics are printed (base/metrics-text.ts).

import { type MetricsRegistry, counter, gauge, histogram } from "../base/metrics.ts";
import type { ClientStats } from "./client-stats.ts";
import { type DoorPlan, type Family, PACKET_FAMILIES, type PacketFamily } from "./doors.ts";
import { DROPPED_REASONS, type DoorBooks, PACKET_REASONS, REFUSED_REASONS } from "./ledger.ts";
import type { OnParcel } from "./parcel-sender.ts";

const udp = ["protocol", "model"] as const;
const byDoor = ["door"] as const;
const byReason = ["door", "reason"] as const;

/** A counter whose name got `_total` in Jaeger 1.9. */
function jaegerCounter<const L extends string = never>(
  name: string,
  labels: readonly L[],
  help: string,
) {
  const current = `jaeger_agent_${name}_total`;
  return counter<L>({ name: current, alsoNamed: [`jaeger_agent_${name}`], labels, help });
}

export const agentMetrics = {
  packetsProcessed: jaegerCounter(
    "thrift_udp_server_packets_processed",
    udp,
    "Packets that got a place in the queue.",
  ),
  packetsDropped: jaegerCounter(
    "thrift_udp_server_packets_dropped",
    udp,
    "Packets that got none: the queue was full.",
  ),
  readErrors: jaegerCounter("thrift_udp_server_read_errors", udp, "Failures to read a socket."),
  handlerErrors: jaegerCounter(
    "thrift_udp_t_processor_handler_errors",
    udp,
    "Packets that could not be read, those that were too long among them.",
  ),
  queueSize: gauge({
    name: "jaeger_agent_thrift_udp_server_queue_size",
    labels: udp,
    help: "Packets that wait to be read.",
  }),
  packetSize: gauge({
    name: "jaeger_agent_thrift_udp_server_packet_size",
    labels: udp,
    help: "Mean size of the packets since the start, in bytes.",
  }),
  closeTime: histogram({
    name: "jaeger_agent_thrift_udp_t_processor_close_time",
    labels: udp,
    help: "How long it took to drain a door at the end, in seconds.",
  }),
  clientBatchesReceived: jaegerCounter(
    "client_stats_batches_received",
    [],
    "Batches of clients that number them.",
  ),
  clientBatchesSent: jaegerCounter(
    "client_stats_batches_sent",
    [],
    "Batches that these clients sent, by their numbers.",
  ),
  clientSpansDropped: jaegerCounter(
    "client_stats_spans_dropped",
    ["cause"] as const,
    "Spans that clients say they lost before they sent them.",
  ),
  connectedClients: gauge({
    name: "jaeger_agent_client_stats_connected_clients",
    help: "Clients that number their batches and were heard of within the hour.",
  }),
  clientBatchesMissing: counter({
    name: "spoor_agent_client_batches_missing_total",
    help: "Batches that are missing between two others of a client.",
  }),
  httpRequests: jaegerCounter("http_server_requests", ["type"] as const, "Questions of clients."),
  httpErrors: jaegerCounter(
    "http_server_errors",
    ["status", "source"] as const,
    "Questions of clients that were answered with an error.",
  ),
  collectorProxy: jaegerCounter(
    "collector_proxy",
    ["result", "endpoint"] as const,
    "Questions that were passed on to a collector.",
  ),
  bufferBytes: gauge({
    name: "spoor_agent_receive_buffer_bytes",
    labels: byDoor,
    help: "Receive buffer that the kernel gave, as it counts it.",
  }),
  kernelDrops: counter({
    name: "spoor_agent_kernel_dropped_packets_total",
    labels: byDoor,
    help: "Packets that the kernel dropped because the receive buffer was full.",
  }),
  packetsReceived: counter({
    name: "spoor_agent_packets_received_total",
    labels: byDoor,
    help: "Packets received.",
  }),
  packetsRead: counter({
    name: "spoor_agent_packets_read_total",
    labels: byDoor,
    help: "Packets whose spans were read.",
  }),
  packetsLost: counter({
    name: "spoor_agent_packets_dropped_total",
    labels: byReason,
    help: "Packets received and dropped, by reason.",
  }),
  spansReceived: counter({
    name: "spoor_agent_spans_received_total",
    labels: byDoor,
    help: "Spans received, those of dropped packets among them as far as they say how many.",
  }),
  spansForwarded: counter({
    name: "spoor_agent_spans_forwarded_total",
    labels: byDoor,
    help: "Spans that a collector or the spool took over.",
  }),
  spansInFlight: gauge({
    name: "spoor_agent_spans_in_flight",
    labels: byDoor,
    help: "Spans received that nobody has taken over yet.",
  }),
  spansRefused: counter({
    name: "spoor_agent_spans_refused_total",
    labels: byReason,
    help: "Spans that a collector refused for good, by reason.",
  }),
  spansDropped: counter({
    name: "spoor_agent_spans_dropped_total",
    labels: byReason,
    help: "Spans that were lost here, by reason.",
  }),
};

/** Numbers of one reporter under one generation of names. */
function reporterTable<const L extends string = never>(
  [prefix, ending]: readonly [prefix: string, ending: string],
  labels: readonly L[],
) {
  const name = (what: string): string => `jaeger_agent_${prefix}_${what}`;
  return {
    batches: counter<L>({
      name: `${name("batches_submitted")}${ending}`,
      labels,
      help: "Batches that a collector or the spool took over.",
    }),
    failures: counter<L>({
      name: `${name("batches_failures")}${ending}`,
      labels,
      help: "Batches that nobody took over.",
    }),
    size: gauge<L>({ name: name("batch_size"), labels, help: "Spans of the last batch." }),
    spans: counter<L>({
      name: `${name("spans_submitted")}${ending}`,
      labels,
      help: "Spans that a collector or the spool took over.",
    }),
    spansFailed: counter<L>({
      name: `${name("spans_failures")}${ending}`,
      labels,
      help: "Spans that nobody took over.",
    }),
  };
}

export const reporterMetrics = {
  now: reporterTable(["reporter", "_total"], ["format", "protocol"]),
  /** v1.8. */
  tchannel: reporterTable(["tchannel_reporter", ""], ["format"]),
  /** v1.6. */
  jaeger: reporterTable(["tc_reporter_jaeger", ""], []),
  zipkin: reporterTable(["tc_reporter_zipkin", ""], []),
};

export type AgentMetrics = ReturnType<typeof registerAgentMetrics>;

export function registerAgentMetrics(registry: MetricsRegistry) {
  return registry.register(agentMetrics);
}

/** Shows the books of a door from now on, zeros included. */
export function showDoor({ labels }: DoorPlan, books: DoorBooks, metrics: AgentMetrics): void {
  const { packets } = books;
  const queued = (): number => packets.received - packets.dropped["queue-full"];
  metrics.packetsProcessed.with(labels).readFrom(() => queued() - packets.dropped.truncated);
  metrics.packetsDropped.with(labels).readFrom(() => packets.dropped["queue-full"]);
  metrics.readErrors.with(labels).readFrom(() => books.readErrors);
  metrics.handlerErrors
    .with(labels)
    .readFrom(() => packets.dropped["bad-packet"] + packets.dropped.truncated);
  metrics.queueSize.with(labels).readFrom(() => books.queued);
  metrics.packetSize
    .with(labels)
    .readFrom(() => Math.round(packets.bytes / Math.max(1, packets.received)));
  const door = { door: books.door };
  metrics.bufferBytes.with(door).readFrom(() => books.receiveBufferBytes);
  metrics.kernelDrops.with(door).readFrom(() => books.kernelDrops ?? 0);
  showBooks(books, metrics);
}

/** What the ledger says of any door. */
export function showBooks(books: DoorBooks, metrics: AgentMetrics): void {
  const { packets, spans } = books;
  const door = { door: books.door };
  metrics.packetsReceived.with(door).readFrom(() => packets.received);
  metrics.packetsRead.with(door).readFrom(() => packets.read);
  metrics.spansReceived.with(door).readFrom(() => spans.received);
  metrics.spansForwarded.with(door).readFrom(() => spans.forwarded);
  metrics.spansInFlight.with(door).readFrom(() => spans.inFlight);
  for (const reason of PACKET_REASONS) {
    metrics.packetsLost.with({ ...door, reason }).readFrom(() => packets.dropped[reason]);
  }
  for (const reason of REFUSED_REASONS) {
    metrics.spansRefused.with({ ...door, reason }).readFrom(() => spans.refused[reason]);
  }
  for (const reason of DROPPED_REASONS) {
    metrics.spansDropped.with({ ...door, reason }).readFrom(() => spans.dropped[reason]);
  }
}

export function showClients(clients: ClientStats, metrics: AgentMetrics): void {
  metrics.clientBatchesReceived.with().readFrom(() => clients.figures().batchesReceived);
  metrics.clientBatchesSent.with().readFrom(() => clients.figures().batchesSent);
  metrics.clientBatchesMissing.with().readFrom(() => clients.figures().batchesMissing);
  metrics.connectedClients.with().readFrom(() => clients.figures().connected);
  for (const cause of ["full-queue", "too-large", "send-failure"] as const) {
    const read = (): number => clients.figures().spansDropped[cause];
    metrics.clientSpansDropped.with({ cause }).readFrom(read);
  }
}

/** @param protocol what the forwarder speaks: `grpc`, `tchannel`, … */
export function countParcels(registry: MetricsRegistry, protocol: string): OnParcel {
  const now = registry.register(reporterMetrics.now);
  const tchannel = registry.register(reporterMetrics.tchannel);
  const old = {
    jaeger: registry.register(reporterMetrics.jaeger),
    zipkin: registry.register(reporterMetrics.zipkin),
  };
  const bindNow = (format: Family) => ({
    batches: now.batches.with({ format, protocol }),
    failures: now.failures.with({ format, protocol }),
    size: now.size.with({ format, protocol }),
    spans: now.spans.with({ format, protocol }),
    spansFailed: now.spansFailed.with({ format, protocol }),
  });
  const bind = (format: PacketFamily) => [
    bindNow(format),
    {
      batches: tchannel.batches.with({ format }),
      failures: tchannel.failures.with({ format }),
      size: tchannel.size.with({ format }),
      spans: tchannel.spans.with({ format }),
      spansFailed: tchannel.spansFailed.with({ format }),
    },
    {
      batches: old[format].batches.with(),
      failures: old[format].failures.with(),
      size: old[format].size.with(),
      spans: old[format].spans.with(),
      spansFailed: old[format].spansFailed.with(),
    },
  ];
  const series = new Map(PACKET_FAMILIES.map((family) => [family as Family, bind(family)]));
  return (family, spans, isForwarded) => {
    if (!series.has(family)) series.set(family, [bindNow(family)]);
    for (const one of series.get(family) ?? []) {
      one.size.set(spans);
      (isForwarded ? one.batches : one.failures).add(1);
      (isForwarded ? one.spans : one.spansFailed).add(spans);
    }
  };
}
