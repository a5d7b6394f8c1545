// Where a door listens, as people write it: `host:port`.
//
//   "127.0.0.1:4317"  "[::1]:4317"  "collector:4317"     host and port
//   ":4317"  "4317"                                      no host: the setting `listen.host`
//   ":0"                                                 any free port (tests)
//   ""                                                   the door is off
//
// Source: Go's net.SplitHostPort, which Jaeger's host-port flags go through.
// Trust: the operator's text; a mistake is a SpoorError that says what is allowed.
// Not here: looking a host name up (node:net does when it listens).

import { SpoorError } from "./errors.ts";

/** An address to listen on. `host` has no brackets; "" stands for the setting `listen.host`. */
export interface HostPort {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

const PORT_MAX = 65_535;
const ALLOWED = `host:port or :port with a port from 0 to ${PORT_MAX} (IPv6 in brackets), or nothing for "off"`;

/**
 * Reads `host:port`, `:port`, `port`, `[v6]:port`.
 *
 * @returns `undefined` for `""`: the door is switched off.
 * @throws SpoorError `bad-input`, message = what is allowed, to stand after "expected".
 */
export function parseHostPort(text: string): HostPort | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const found = /^(?:(?:\[([0-9a-f:.]+(?:%\w+)?)\]|([^\s:[\]/@]*)):)?(\d{1,5})$/i.exec(trimmed);
  if (found === null || Number(found[3]) > PORT_MAX) throw new SpoorError("bad-input", ALLOWED);
  return { host: found[1] ?? found[2] ?? "", port: Number(found[3]) };
}

/** `host:port`, with brackets around an IPv6 host: the other direction of `parseHostPort`. */
export function printHostPort({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
