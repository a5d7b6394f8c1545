// Settings of forwarding: which collectors, by which protocol, and what happens while there is none.
//
// Source: the flags of jaeger-agent v1.6 to v1.62; `reporter.otlp.*` and `spool.*` are ours.
// Not here: what becomes of them (open-forwarder.ts), the agent's doors (settings.ts).

import { clientTlsSettings } from "../base/settings-groups.ts";
import type { ConfigOf, Settings } from "../base/settings.ts";
import { deprecatedAlias, setting } from "../base/settings.ts";

export const forwarderSettings = {
  "reporter.type": setting("choice", "grpc", {
    help: "How collectors are spoken to; with only reporter.tchannel.host-port given: tchannel.",
    choices: ["grpc", "tchannel", "otlp-grpc", "otlp-http"],
  }),
  "reporter.grpc.host-port": setting("list", "", {
    help: "Collectors' Jaeger gRPC doors (14250), `host:port,…`; a name stands for all of its addresses.",
  }),
  "reporter.grpc.retry.max": setting("count", 3, {
    help: "Calls that are made again for one batch before it goes to the spool.",
    max: 1_000,
  }),
  "reporter.grpc.discovery.min-peers": setting("count", 3, {
    help: "Collectors to be connected to at once, if there are so many.",
    min: 1,
    max: 256,
  }),
  ...clientTlsSettings("reporter.grpc", { enabled: [deprecatedAlias("reporter.grpc.tls")] }),
  "reporter.tchannel.host-port": setting("list", "", {
    help: "Collectors' TChannel doors (14267), `host:port,…`.",
    aliases: [deprecatedAlias("collector.host-port")],
  }),
  "reporter.tchannel.report-timeout": setting("duration", "1s", {
    help: "How long one call by TChannel may take.",
    min: 1,
    max: 60_000,
  }),
  "reporter.tchannel.discovery.min-peers": setting("count", 3, {
    help: "As reporter.grpc.discovery.min-peers, by TChannel.",
    min: 1,
    max: 256,
    aliases: [deprecatedAlias("discovery.min-peers")],
  }),
  "reporter.tchannel.discovery.conn-check-timeout": setting("duration", "250ms", {
    help: "How long a connection by TChannel may take to be made.",
    min: 1,
    max: 60_000,
    aliases: [deprecatedAlias("discovery.conn-check-timeout")],
  }),
  "reporter.otlp.host-port": setting("list", "", {
    help: "Collectors' OTLP doors (4317 for otlp-grpc, 4318 for otlp-http), `host:port,…`.",
  }),
  ...clientTlsSettings("reporter.otlp"),
  "reporter.sampling-port": setting("count", 14_268, {
    help: "Port on which collectors are asked for sampling strategies by HTTP, where reporter.type is otlp-grpc or otlp-http.",
    min: 1,
    max: 65_535,
  }),
  "spool.directory": setting("string", "", {
    help: "Where batches wait on the disk while no collector takes them; empty: in memory.",
  }),
  "spool.max-bytes": setting("bytes", "512MiB", {
    help: "Bytes that may wait there; what comes then is refused and counted.",
    min: 65_536,
  }),
  "spool.after": setting("duration", "2s", {
    help: "How long a batch waits for a collector before it goes to the disk.",
    max: 60_000,
  }),
  "spool.max-bytes-per-second": setting("bytes", "8MiB", {
    help: "How fast collectors are given what waited there, beside what is new.",
    min: 1_024,
  }),
  "spool.durability": setting("choice", "disk", {
    help: "When a batch counts as taken: disk, when it has reached the disk; os, when only a crash of the machine can lose it.",
    choices: ["disk", "os"],
  }),
} satisfies Settings;

export type ForwarderConfig = ConfigOf<typeof forwarderSettings>;
