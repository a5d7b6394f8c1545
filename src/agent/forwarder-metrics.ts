// The forwarder's figures as metrics: read when somebody scrapes.
//
//   jaeger_agent_connection_status_{collector_reconnects_total,collector_connected}{protocol}
//   spoor_agent_forwarder_…                         where spans are (forward-books.ts)
//
// Source: Jaeger v1.16 to v1.62, cmd/agent/app/reporter/connect_metrics.go.
// Not here: batches and spans submitted, which the doors count (metrics.ts).

import { counter, gauge, type MetricsRegistry } from "../base/metrics.ts";
import { FORWARD_DROPPED_REASONS } from "./forward-books.ts";
import type { Forwarder } from "./forwarder.ts";
import { REFUSAL_REASONS } from "./reporters/reporter.ts";

const protocol = ["protocol"] as const;
const reason = ["reason"] as const;

export const forwarderMetrics = {
  reconnects: counter({
    name: "jaeger_agent_connection_status_collector_reconnects_total",
    alsoNamed: ["jaeger_agent_connection_status_collector_reconnects"],
    labels: protocol,
    help: "Connections to a collector that were made again.",
  }),
  connected: gauge({
    name: "jaeger_agent_connection_status_collector_connected",
    labels: protocol,
    help: "1 while a collector is connected.",
  }),
  collectorsConnected: gauge({
    name: "spoor_agent_collectors_connected",
    help: "Collectors that are connected.",
  }),
  collectorsKnown: gauge({
    name: "spoor_agent_collectors_known",
    help: "Addresses of collectors.",
  }),
  setbacks: counter({
    name: "spoor_agent_forwarder_setbacks_total",
    help: "Calls to collectors that failed and are made again.",
  }),
  received: counter({
    name: "spoor_agent_forwarder_spans_received_total",
    help: "Spans handed over to be forwarded.",
  }),
  recovered: counter({
    name: "spoor_agent_forwarder_spans_recovered_total",
    help: "Spans of an earlier run that were found in the spool.",
  }),
  delivered: counter({
    name: "spoor_agent_forwarder_spans_delivered_total",
    help: "Spans that a collector took.",
  }),
  refused: counter({
    name: "spoor_agent_forwarder_spans_refused_total",
    labels: reason,
    help: "Spans that a collector refused for good, by reason.",
  }),
  dropped: counter({
    name: "spoor_agent_forwarder_spans_dropped_total",
    labels: reason,
    help: "Spans that were lost on the way to a collector, by reason.",
  }),
  inFlightSpans: gauge({
    name: "spoor_agent_forwarder_spans_in_flight",
    help: "Spans under way to a collector, in memory only.",
  }),
  inFlightBytes: gauge({
    name: "spoor_agent_forwarder_bytes_in_flight",
    help: "Bytes of spans under way to a collector, in memory only.",
  }),
  spooledSpans: gauge({
    name: "spoor_agent_spool_spans",
    help: "Spans that wait on the disk for a collector.",
  }),
  spooledBytes: gauge({
    name: "spoor_agent_spool_bytes",
    help: "Bytes of the spool's files.",
  }),
  damagedBytes: counter({
    name: "spoor_agent_spool_damaged_bytes_total",
    help: "Bytes of the spool that did not read at the start.",
  }),
};

/** Shows the figures of `forwarder` from now on, zeros included. */
export function showForwarder(forwarder: Forwarder, registry: MetricsRegistry): void {
  const metrics = registry.register(forwarderMetrics);
  const figures = () => forwarder.figures();
  const by = { protocol: forwarder.protocol };
  metrics.reconnects.with(by).readFrom(() => figures().reconnects);
  metrics.connected.with(by).readFrom(() => Number(figures().collectors.connected > 0));
  metrics.collectorsConnected.with().readFrom(() => figures().collectors.connected);
  metrics.collectorsKnown.with().readFrom(() => figures().collectors.known);
  metrics.setbacks.with().readFrom(() => figures().setbacks);
  metrics.received.with().readFrom(() => figures().received.spans);
  metrics.recovered.with().readFrom(() => figures().recovered.spans);
  metrics.delivered.with().readFrom(() => figures().delivered.spans);
  metrics.inFlightSpans.with().readFrom(() => figures().inFlight.spans);
  metrics.inFlightBytes.with().readFrom(() => figures().inFlight.bytes);
  metrics.spooledSpans.with().readFrom(() => figures().spooled.spans);
  metrics.spooledBytes.with().readFrom(() => figures().spooled.bytes);
  metrics.damagedBytes.with().readFrom(() => figures().damagedBytes);
  for (const one of REFUSAL_REASONS) {
    metrics.refused.with({ reason: one }).readFrom(() => figures().refused[one].spans);
  }
  for (const one of FORWARD_DROPPED_REASONS) {
    metrics.dropped.with({ reason: one }).readFrom(() => figures().dropped[one].spans);
  }
}
