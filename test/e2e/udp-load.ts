// A sender by UDP that knows exactly how many of its packets came to somebody who listened.
//
//   send ─▶ connected socket ─▶ nobody listens: the kernel says so at the next send, or when nothing is sent
//
// One packet is on its way at a time, so each complaint of the kernel is about the packet before it. That holds
// on the loopback interface, where a refusal comes back before the next packet goes.
// Each packet holds SPANS_A_PACKET spans, each of a trace of its own, numbered from 1 on.

import { type Socket, createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { batchPacket } from "../agent-packets.ts";

export const SPANS_A_PACKET = 10;

export interface UdpLoad {
  /** Packets that somebody's socket took. */
  readonly arrived: number;
  /** Packets that nobody listened for. */
  readonly refused: number;
  /** Resolves when so many more have been sent, whether anybody listened or not. */
  more(packets: number): Promise<void>;
  /** Resolves when so many more have arrived. */
  moreArrived(packets: number): Promise<void>;
  /** Ends the load, while somebody listens. @throws Error if the socket failed otherwise. */
  end(): Promise<void>;
}

export interface UdpLoadOptions {
  readonly port: number;
  readonly service: string;
  /** Between two packets. */
  readonly paceMs: number;
}

/** The id of the trace that the first span of a packet is; packets count from 0. */
export function traceIdOfPacket(packet: number): string {
  return (packet * SPANS_A_PACKET + 1).toString(16).padStart(16, "0");
}

export async function openUdpLoad({ port, service, paceMs }: UdpLoadOptions): Promise<UdpLoad> {
  const socket = createSocket("udp4");
  socket.connect(port, "127.0.0.1");
  await once(socket, "connect");
  let isOver = false;
  let sent = 0;
  let refused = 0;
  let failure: Error | undefined;
  const note = (error: NodeJS.ErrnoException): void => {
    if (error.code === "ECONNREFUSED") refused++;
    else failure = error;
  };
  socket.on("error", note);
  const waiting = new Set<() => void>();
  const sending = (async () => {
    while (!isOver && failure === undefined) {
      const from = sent * SPANS_A_PACKET + 1;
      const error = await send(socket, batchPacket({ service, spans: SPANS_A_PACKET, from }));
      // A send that hears that the one before was refused has sent nothing.
      if (error === null) sent++;
      else note(error);
      for (const look of waiting) look();
      await wait(paceMs);
    }
  })();
  const until = (isReached: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!isReached() && failure === undefined) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
    });
  return {
    get arrived() {
      return sent - refused;
    },
    get refused() {
      return refused;
    },
    more(packets) {
      const goal = sent + packets;
      return until(() => sent >= goal);
    },
    moreArrived(packets) {
      const goal = sent - refused + packets;
      return until(() => sent - refused >= goal);
    },
    async end() {
      isOver = true;
      await sending;
      socket.close();
      if (failure !== undefined) throw failure;
    },
  };
}

function send(socket: Socket, packet: Uint8Array): Promise<Error | null> {
  return new Promise((resolve) => {
    socket.send(packet, resolve);
  });
}
