// One TChannel door: a listener, its limits, and the methods behind it, in the scheme thrift.
//
//   connection ─▶ TChannelConnection ─▶ services.get("Collector::submitBatches")(call) ─▶ answer
//
// Source: the TChannel protocol, version 2. TLS is not part of it.
// Trust: hostile; every bound is in limits.ts.
// Not here: connections one by one (tchannel-connection.ts), bytes (tchannel-frame.ts,
// tchannel-call.ts).

import { type AddressInfo, createServer } from "node:net";
import { type Clock, systemClock } from "../base/clock.ts";
import { type HostPort, printHostPort } from "../base/host-port.ts";
import type { Log } from "../base/log.ts";
import { type ByteBudget, makeByteBudget } from "./byte-budget.ts";
import { type TChannelLimits, tchannelLimits } from "./limits.ts";
import { listen } from "./listen.ts";
import {
  TChannelConnection,
  type TChannelDoor,
  type TChannelFailure,
  type TChannelServices,
} from "./tchannel-connection.ts";
import { lookMsOf } from "./tchannel-link.ts";

export interface TChannelServerOptions {
  /** Names the door in logs and errors. */
  readonly name: string;
  /** Told to peers; default: `name`. */
  readonly processName?: string;
  readonly hostPort: HostPort;
  readonly services: TChannelServices;
  readonly log: Log;
  /** Called with an error that is a bug of ours, after the peer got its error. */
  readonly onBug: (error: unknown) => void;
  readonly limits?: Partial<TChannelLimits>;
  /** Shared with other doors; without it the door has its own of `inFlightBytesMax`. */
  readonly budget?: ByteBudget;
  /** Called for each call that ends before a handler has it, for the ledger. */
  readonly onFailure?: (failure: TChannelFailure) => void;
  readonly clock?: Clock;
}

export interface TChannelServer {
  readonly address: string;
  readonly port: number;
  /** Stops accepting, lets calls finish for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** @throws SpoorError `unavailable` if the address is taken. */
export async function openTChannelServer(options: TChannelServerOptions): Promise<TChannelServer> {
  const limits = { ...tchannelLimits, ...options.limits };
  const door: TChannelDoor = {
    processName: options.processName ?? options.name,
    services: options.services,
    limits,
    budget: options.budget ?? makeByteBudget(limits.inFlightBytesMax),
    clock: options.clock ?? systemClock,
    connections: new Set(),
    onBug: options.onBug,
    onFailure: options.onFailure ?? (() => {}),
    isClosing: false,
  };
  const server = createServer((socket) =>
    door.connections.add(new TChannelConnection(socket, door)),
  );
  server.maxConnections = limits.connectionsMax;
  await listen(server, options.hostPort, options.name);
  const looking = setInterval(() => {
    for (const connection of door.connections) connection.look();
  }, lookMsOf(limits)).unref();
  const { address, port } = server.address() as AddressInfo;
  options.log.debug("door open", {
    door: options.name,
    address: printHostPort({ host: address, port }),
  });
  return {
    address,
    port,
    async close(graceMs) {
      door.isClosing = true;
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const connection of door.connections) connection.endIfIdle();
      const timer = setTimeout(() => {
        for (const connection of door.connections) connection.destroy();
      }, graceMs);
      await closed;
      clearTimeout(timer);
      clearInterval(looking);
    },
  };
}
