// Datagrams to an agent: jaeger.thrift compact (6831) and binary (6832), zipkincore.thrift (5775).
//
// Nobody answers. What the sender hears at best is that nobody listens: then the kernel refuses the
// datagram after one that was lost.

import { type Socket, createSocket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { type HostPort, printHostPort } from "../../base/host-port.ts";
import { SpoorError } from "../../base/errors.ts";
import { type Carrier, type Lane, UNACKNOWLEDGED, type Verdict, refused } from "./carrier.ts";
import { DATAGRAM_BYTES_MAX } from "./limits.ts";

export function makeUdpCarrier(write: Carrier["write"]): Carrier {
  return { payloadBytesMax: DATAGRAM_BYTES_MAX, write, open };
}

async function open(address: HostPort): Promise<Lane> {
  const socket = createSocket(isIPv6(address.host) ? "udp6" : "udp4");
  try {
    socket.connect(address.port, address.host);
    await once(socket, "connect");
  } catch (error) {
    socket.close();
    const message = `${printHostPort(address)} cannot be sent to`;
    throw new SpoorError("unavailable", message, {}, error);
  }
  // The sends hear of it.
  socket.on("error", () => undefined);
  return {
    isOpen: true,
    send: (bytes) => send(socket, bytes),
    close: () => void socket.close(),
  };
}

function send(socket: Socket, bytes: Uint8Array): Promise<Verdict> {
  return new Promise((resolve) => {
    socket.send(bytes, (error) => {
      if (error === null) resolve(UNACKNOWLEDGED);
      else {
        const { code = "" } = error as NodeJS.ErrnoException;
        const reason = code === "EMSGSIZE" ? "too-large" : "unavailable";
        resolve(refused(reason, `the datagram was not sent: ${code}`));
      }
    });
  });
}
