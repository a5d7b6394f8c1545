// One UDP port: packets in, as they come.
//
//   open ─▶ receive buffer as large as the kernel gives ─▶ onPacket(bytes) …
//   drain ─▶ further packets are refused, those that the kernel holds are read ─▶ close
//
// To drain, the socket is connected to a port where nobody is: from then on the kernel refuses what others
// send, as it does when the agent has gone, but what has come already stays readable. So nothing that was
// accepted is lost between the last read and the close.
//
// Trust: packets are anybody's. Not here: what they hold (packet-intake.ts).

import { type Socket, createSocket } from "node:dgram";
import { setImmediate as nextTurn } from "node:timers/promises";
import { SpoorError } from "../base/errors.ts";
import { type HostPort, printHostPort } from "../base/host-port.ts";
import type { Log } from "../base/log.ts";

/** At 100,000 spans a second, 80 MB, the kernel holds 40 ms of packets in it. */
const BUFFER_BYTES_WANTED = 4 * 1024 * 1024;

/** Turns of the event loop, each of which reads up to 32 packets, until the socket counts as empty. */
const EMPTY_TURNS = 3;
/** More packets than any receive buffer holds, in such turns. */
const DRAIN_TURNS_MAX = 20_000;
/** Discard: nobody sends from there. */
const NOBODYS_PORT = 9;

export interface UdpSocketOptions {
  /** For errors and logs. */
  readonly title: string;
  readonly hostPort: HostPort;
  /** Receive buffer to ask for; 0: as much as the kernel gives, up to 4 MiB. */
  readonly bufferBytes: number;
  readonly log: Log;
  readonly onPacket: (packet: Uint8Array) => void;
  /** The socket could not be read for once. */
  readonly onReadError: () => void;
}

export interface UdpSocket {
  readonly address: string;
  readonly port: number;
  /** What the kernel gave, as it counts it: Linux gives twice what was asked for. */
  readonly bufferBytes: number;
  /** Takes no more packets, and resolves when all that had come were given to `onPacket`. */
  drain(): Promise<void>;
  /** What is still in the kernel is gone then. */
  close(): Promise<void>;
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is taken",
  EADDRNOTAVAIL: "this machine does not have the address",
  EACCES: "no right to listen there",
  ENOTFOUND: "the host name is unknown",
};

/** @throws SpoorError `unavailable` if the port cannot be had. */
export async function openUdpSocket(options: UdpSocketOptions): Promise<UdpSocket> {
  const { hostPort, onPacket, onReadError, log, title } = options;
  const socket = createSocket({ type: hostPort.host.includes(":") ? "udp6" : "udp4" });
  await bind(socket, options);
  const bufferBytes = widen(socket, options.bufferBytes);
  const { address, port } = socket.address();
  let packets = 0;
  socket.on("message", (packet) => {
    packets++;
    onPacket(packet);
  });
  socket.on("error", (error) => {
    onReadError();
    log.debug("a UDP socket could not be read", { title, error: error.message });
  });
  return {
    address,
    port,
    bufferBytes,
    async drain() {
      await refuseMore(socket, address);
      for (let turn = 0, empty = 0; turn < DRAIN_TURNS_MAX && empty < EMPTY_TURNS; turn++) {
        const before = packets;
        await nextTurn();
        empty = packets === before ? empty + 1 : 0;
      }
    },
    async close() {
      const closed = Promise.withResolvers<void>();
      socket.close(closed.resolve);
      await closed.promise;
    },
  };
}

function bind(socket: Socket, { hostPort, title }: UdpSocketOptions): Promise<void> {
  const { host, port } = hostPort;
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const reason = REASONS[error.code ?? ""] ?? error.message;
      const message = `${title} cannot listen on ${printHostPort(hostPort)}: ${reason}`;
      socket.close();
      reject(new SpoorError("unavailable", message, {}, error));
    };
    socket.once("error", fail);
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.off("error", fail);
      resolve();
    });
  });
}

/** @returns what the kernel gave. */
function widen(socket: Socket, bytes: number): number {
  try {
    // Never less than what is there: administrators raise the default on purpose.
    const wanted = bytes === 0 ? BUFFER_BYTES_WANTED : bytes;
    if (bytes !== 0 || socket.getRecvBufferSize() < 2 * wanted) socket.setRecvBufferSize(wanted);
    return socket.getRecvBufferSize();
  } catch {
    return 0; // a system that does not let itself be asked
  }
}

function refuseMore(socket: Socket, address: string): Promise<void> {
  const isV6 = address.includes(":");
  const isAny = address === "0.0.0.0" || address === "::";
  const self = isAny ? (isV6 ? "::1" : "127.0.0.1") : address;
  return new Promise((resolve) => {
    // A system that does not connect goes on receiving; what comes after the last read is lost.
    socket.connect(NOBODYS_PORT, self, () => resolve());
  });
}
