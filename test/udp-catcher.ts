// A UDP socket that keeps what comes.
//
//   await using catcher = await openCatcher();   … send to catcher.port …
//   const packet = await catcher.next()          one after the other

import { type Socket, createSocket } from "node:dgram";
import { once } from "node:events";

export interface Catcher extends AsyncDisposable {
  readonly port: number;
  /** All that have come. */
  readonly packets: readonly Uint8Array[];
  /** The one after that of the last call; waits for it. */
  next(): Promise<Uint8Array>;
}

export async function openCatcher(port = 0): Promise<Catcher> {
  const socket: Socket = createSocket("udp4");
  const packets: Uint8Array[] = [];
  let taken = 0;
  socket.on("message", (packet) => packets.push(Uint8Array.from(packet)));
  socket.bind(port, "127.0.0.1");
  await once(socket, "listening");
  return {
    port: socket.address().port,
    packets,
    async next() {
      while (packets.length <= taken) await once(socket, "message");
      return packets[taken++]!;
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, "close");
    },
  };
}
