// The agent's UDP doors: what is expected on each, and how Jaeger's metrics call it.
//
// Either protocol is understood on either port: the packet's first byte tells (wire/thrift-message.ts).
// Not here: doors for OTLP (otlp-doors.ts), sockets (udp-socket.ts), reading (span-joiner.ts).

import type { HostPort } from "../base/host-port.ts";
import type { AgentConfig, ProcessorName } from "./settings.ts";

/** Which reader a packet needs and which batch it is joined into. */
export type PacketFamily = "jaeger" | "zipkin";
export const PACKET_FAMILIES: readonly PacketFamily[] = ["jaeger", "zipkin"];
/** Of whatever is joined. */
export type Family = PacketFamily | "otlp";

export interface DoorPlan {
  readonly name: ProcessorName;
  /** For people: "Jaeger UDP (compact)". */
  readonly title: string;
  readonly family: PacketFamily;
  /** Labels of Jaeger's metrics. */
  readonly labels: { readonly protocol: "compact" | "binary"; readonly model: PacketFamily };
  /** undefined: the door stays shut. */
  readonly hostPort: HostPort | undefined;
  readonly packetBytesMax: number;
  readonly queuePacketsMax: number;
  /** 0: as much as the kernel gives. */
  readonly socketBufferBytes: number;
}

/** Every door, in the order of their ports' popularity. */
export function planDoors(config: AgentConfig): readonly DoorPlan[] {
  return [
    {
      name: "jaeger-compact",
      title: "Jaeger UDP (compact)",
      family: "jaeger",
      labels: { protocol: "compact", model: "jaeger" },
      hostPort: config["processor.jaeger-compact.server-host-port"],
      packetBytesMax: config["processor.jaeger-compact.server-max-packet-size"],
      queuePacketsMax: config["processor.jaeger-compact.server-queue-size"],
      socketBufferBytes: config["processor.jaeger-compact.server-socket-buffer-size"],
    },
    {
      name: "jaeger-binary",
      title: "Jaeger UDP (binary)",
      family: "jaeger",
      labels: { protocol: "binary", model: "jaeger" },
      hostPort: config["processor.jaeger-binary.server-host-port"],
      packetBytesMax: config["processor.jaeger-binary.server-max-packet-size"],
      queuePacketsMax: config["processor.jaeger-binary.server-queue-size"],
      socketBufferBytes: config["processor.jaeger-binary.server-socket-buffer-size"],
    },
    {
      name: "zipkin-compact",
      title: "Zipkin UDP (compact)",
      family: "zipkin",
      labels: { protocol: "compact", model: "zipkin" },
      hostPort: config["processor.zipkin-compact.server-host-port"],
      packetBytesMax: config["processor.zipkin-compact.server-max-packet-size"],
      queuePacketsMax: config["processor.zipkin-compact.server-queue-size"],
      socketBufferBytes: config["processor.zipkin-compact.server-socket-buffer-size"],
    },
  ];
}
