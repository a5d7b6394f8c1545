// A peer that says exactly what a test wants, byte by byte, over TCP.
//
// Not here: peers that speak a protocol (the tests use real clients for that).

import { connect, type Socket } from "node:net";

export interface RawPeer {
  readonly socket: Socket;
  write(bytes: string | Uint8Array): void;
  /** Everything that came until the other side ended or cut the connection. */
  untilClosed(): Promise<string>;
  /** What came so far, as soon as it contains `text`. */
  until(text: string): Promise<string>;
}

/** Resolves when the connection stands. Half-open: an end of the other side is not answered. */
export function openRawPeer(port: number): Promise<RawPeer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    let received = "";
    let isOver = false;
    const waiting = new Set<() => void>();
    const wake = () => {
      for (const look of waiting) look();
    };
    const over = () => {
      isOver = true;
      wake();
    };
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      wake();
    });
    socket.on("end", over);
    socket.on("close", over);
    socket.once("error", reject);
    const wait = (isDone: () => boolean) =>
      new Promise<string>((resolve) => {
        const look = () => {
          if (!isOver && !isDone()) return;
          waiting.delete(look);
          resolve(received);
        };
        waiting.add(look);
        look();
      });
    socket.once("connect", () => {
      socket.on("error", () => {}); // a reset is an end, too
      resolve({
        socket,
        write: (bytes) => void socket.write(bytes),
        untilClosed: () => wait(() => false),
        until: (text) => wait(() => received.includes(text)),
      });
    });
  });
}
