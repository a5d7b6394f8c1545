// Settings of `spoor tracegen`. Names are those of Jaeger's tracegen where it has one for the same.
//
// Not here: what they do (make-trace.ts, run-tracegen.ts), how a protocol is spoken (carriers/).

import { type ConfigOf, type Settings, setting } from "../base/settings.ts";

/** What Spoor takes spans by, and the port on which it does. */
export const PORTS = {
  "otlp-grpc": 4317,
  "otlp-http": 4318,
  "otlp-json": 4318,
  "jaeger-grpc": 14250,
  "jaeger-http": 14268,
  "jaeger-compact": 6831,
  "jaeger-binary": 6832,
  tchannel: 14267,
  "zipkin-json": 9411,
  "zipkin-compact": 5775,
} as const;

export type ProtocolName = keyof typeof PORTS;

export const PROTOCOLS = Object.keys(PORTS) as readonly ProtocolName[];

export const tracegenSettings = {
  protocol: setting<ProtocolName>("choice", "otlp-grpc", {
    help: "What is spoken. By UDP, and so without an answer: jaeger-compact, jaeger-binary, zipkin-compact.",
    choices: PROTOCOLS,
  }),
  target: setting("host-port", "", {
    help: "Where spans are sent, `host:port`; empty: the protocol's port on this machine.",
  }),
  traces: setting("count", 1, {
    help: "Traces that each worker makes, if there is no duration.",
    min: 1,
    max: 1_000_000_000,
  }),
  duration: setting("duration", "0s", {
    help: "How long traces are made, whatever their number; 0s: until all are made.",
  }),
  rate: setting("float", 0, {
    help: "Traces a second, of all workers together; 0: as many as are taken.",
    max: 1_000_000,
  }),
  workers: setting("count", 1, {
    help: "Requests that may be under way at a time.",
    min: 1,
    max: 1_000,
  }),
  pause: setting("duration", "0s", {
    help: "How long a worker waits after each trace.",
  }),
  service: setting("string", "tracegen", {
    help: "What names of services begin with.",
    check: (text) => (text === "" ? "a name" : undefined),
  }),
  services: setting("count", 5, {
    help: "Services that call each other, each a process of its own: tracegen-00, tracegen-01 and on.",
    min: 1,
    max: 1_000,
  }),
  spans: setting("count", 9, {
    help: "Spans of each trace beside its root.",
    max: 10_000,
  }),
  attrs: setting("count", 0, {
    help: "Attributes of each span beside those that its kind has.",
    max: 1_000,
  }),
  "attr-keys": setting("count", 97, {
    help: "Different keys that these have.",
    min: 1,
    max: 1_000_000,
  }),
  "attr-values": setting("count", 1_000, {
    help: "Different values that each of these keys has.",
    min: 1,
    max: 1_000_000_000,
  }),
  batch: setting("count", 100, {
    help: "Spans of one process that are sent together; they wait for each other for a second at most.",
    min: 1,
    max: 10_000,
  }),
  json: setting("bool", false, { help: "Prints the count as JSON." }),
  progress: setting("duration", "0s", {
    help: "How often the count is printed meanwhile, on standard error; 0s: only at the end.",
  }),
} satisfies Settings;

export type TracegenConfig = ConfigOf<typeof tracegenSettings>;
