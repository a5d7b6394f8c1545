// A UDP socket for one peer that may be away, move, or have a name that does not resolve.
//
//   send ─ idle ─▶ look the name up ─▶ connect ─▶ the kernel
//                       └──── again, beside the sending, when the answer is old
//
// Connected, so that the kernel tells when nobody listens at the other end (ICMP): as an error that comes
// after the packet it is about, or instead of the next one, which is then sent a second time.
//
// Never keeps a process alive: the socket is unref'd; a packet that is being sent and a name that is being
// looked up do, for as long as the system takes for it.
// Not here: what is in a packet, how many may wait (who sends).

import { type Socket, createSocket } from "node:dgram";
import { lookup } from "node:dns";
import { isIP } from "node:net";
import type { Clock } from "../../base/clock.ts";

/** An agent that was moved is found again within this. */
const LOOKUP_AGAIN_MS = 30_000;
/** A name that did not resolve, a socket that did not open: not tried again sooner. */
const REOPEN_MS = 1_000;

interface Waiting {
  readonly packet: Uint8Array;
  readonly done: (error?: Error) => void;
}

export interface PacketSocketOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  /** Nobody listens: the packet sent last, at least, has been lost. */
  readonly onRefused: () => void;
}

export class PacketSocket {
  readonly #options: PacketSocketOptions;
  /** Of no further use once it has been replaced or closed. */
  #socket: Socket | undefined;
  #address = "";
  #isConnected = false;
  #isOpening = false;
  #isClosed = false;
  #openedMs = Number.NEGATIVE_INFINITY;
  readonly #waiting: Waiting[] = [];

  constructor(options: PacketSocketOptions) {
    this.#options = options;
  }

  /** @param done called once, never before this returns; without error when the kernel has it. */
  send(packet: Uint8Array, done: (error?: Error) => void): void {
    if (this.#isClosed) {
      queueMicrotask(() => done(new Error("the socket is closed")));
    } else if (this.#isConnected) {
      this.#sendNow({ packet, done }, true);
      if (this.#options.clock.monotonicMs() - this.#openedMs > LOOKUP_AGAIN_MS) this.#open();
    } else {
      this.#waiting.push({ packet, done });
      if (!this.#isOpening) this.#open();
    }
  }

  /** Packets that wait fail. */
  close(): void {
    this.#isClosed = true;
    this.#fail(new Error("the socket was closed"));
    this.#drop();
  }

  #open(): void {
    const { host } = this.#options;
    const nowMs = this.#options.clock.monotonicMs();
    if (!this.#isConnected && nowMs - this.#openedMs < REOPEN_MS) {
      queueMicrotask(() => this.#fail(new Error(`${host} could not be reached a moment ago`)));
      return;
    }
    this.#openedMs = nowMs;
    const family = isIP(host);
    if (family !== 0) {
      this.#connect(host, family);
      return;
    }
    this.#isOpening = true;
    lookup(host, { all: true }, (error, addresses) => {
      this.#isOpening = false;
      if (this.#isClosed) return;
      // Agents listen on IPv4 at least; localhost may come as ::1 first.
      const found = addresses?.find(({ family }) => family === 4) ?? addresses?.[0];
      if (error !== null || found === undefined) {
        // The address that is known is better than none.
        if (!this.#isConnected) this.#fail(error ?? new Error(`${host} has no address`));
      } else this.#connect(found.address, found.family);
    });
  }

  #connect(address: string, family: number): void {
    if (this.#socket !== undefined) {
      if (address === this.#address) return;
      this.#drop();
    }
    const socket = createSocket(family === 6 ? "udp6" : "udp4");
    this.#socket = socket;
    this.#address = address;
    this.#isOpening = true;
    socket.unref();
    socket.on("error", (error) => {
      if (socket === this.#socket) this.#onError(error);
    });
    socket.connect(this.#options.port, address, () => {
      if (socket !== this.#socket) return;
      this.#isOpening = false;
      this.#isConnected = true;
      for (const waiting of this.#waiting.splice(0)) this.#sendNow(waiting, true);
    });
  }

  #onError(error: Error): void {
    if (isRefusal(error)) this.#options.onRefused();
    if (this.#isConnected) return;
    // It did not even open: no route, no memory.
    this.#fail(error);
    this.#drop();
  }

  #sendNow(waiting: Waiting, mayRetry: boolean): void {
    const { packet, done } = waiting;
    try {
      this.#socket!.send(packet, (error) => {
        if (error === null) done();
        else if (isRefusal(error) && mayRetry && this.#isConnected) {
          this.#options.onRefused();
          this.#sendNow(waiting, false);
        } else done(error);
      });
    } catch (error) {
      queueMicrotask(() => done(error as Error));
    }
  }

  #fail(error: Error): void {
    for (const { done } of this.#waiting.splice(0)) done(error);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#isConnected = false;
    this.#isOpening = false;
    try {
      socket?.close();
    } catch {
      // It was never open, or is closed.
    }
  }
}

function isRefusal(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === "ECONNREFUSED";
}
