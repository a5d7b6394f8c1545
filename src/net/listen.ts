// Listening on an address, with an error that says which door could not, and why.

import type { Server } from "node:net";
import { SpoorError } from "../base/errors.ts";
import { type HostPort, printHostPort } from "../base/host-port.ts";

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is taken",
  EADDRNOTAVAIL: "this machine does not have the address",
  EACCES: "no right to listen there",
  ENOTFOUND: "the host name is unknown",
};

/** @param door names the door in the error. @throws SpoorError `unavailable`. */
export function listen(server: Server, hostPort: HostPort, door: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => {
      const reason = REASONS[error.code ?? ""] ?? error.message;
      const message = `${door} cannot listen on ${printHostPort(hostPort)}: ${reason}`;
      reject(new SpoorError("unavailable", message, {}, error));
    };
    server.once("error", fail);
    server.listen(hostPort.port, hostPort.host, () => {
      server.off("error", fail);
      resolve();
    });
  });
}
