// Where a door listens, as people write it: `host:port`.
//
//   "127.0.0.1:4317"  "[::1]:4317"  "collector:4317"     host and port
//   ":4317"                                              the default host of the settings
//   ":0"                                                 any free port (tests)
//   ""                                                   the door is off
//
// Source: Go's net.SplitHostPort, which Jaeger's host-port flags go through.
// Trust: the operator's text; a mistake is a SpoorError at start, with what was expected.
// Not here: looking a host name up (node:net does when it listens).

import { SpoorError } from "../base/errors.ts";

/** An address to listen on. `host` has no brackets; `port` is 0..65535, 0 = any free one. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const PORT_MAX = 65_535;

/**
 * Reads `host:port`, `:port`, `[v6]:port`.
 *
 * @param defaultHost used when the text names no host.
 * @returns `undefined` for `""`: the door is switched off.
 * @throws SpoorError `bad-input` with what was found and what was expected.
 */
export function parseHostPort(text: string, defaultHost: string): HostPort | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const colon = trimmed.lastIndexOf(":");
  if (colon < 0) throw refused(trimmed, "no port");
  return { host: parseHost(trimmed, colon) || defaultHost, port: parsePort(trimmed, colon) };
}

/** `host:port`, with brackets around an IPv6 host: the other direction of `parseHostPort`. */
export function printHostPort({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseHost(text: string, colon: number): string {
  const host = text.slice(0, colon);
  if (host.startsWith("[")) {
    if (!host.endsWith("]") || host.length < 4) throw refused(text, "unbalanced brackets");
    return host.slice(1, -1);
  }
  if (host.includes(":")) throw refused(text, "an IPv6 host without brackets");
  if (/[\s\]/@]/.test(host)) throw refused(text, "a character that no host has");
  return host;
}

function parsePort(text: string, colon: number): number {
  const digits = text.slice(colon + 1);
  const port = /^[0-9]{1,5}$/.test(digits) ? Number(digits) : PORT_MAX + 1;
  if (port > PORT_MAX) throw refused(text, `a port that is not 0..${PORT_MAX}`);
  return port;
}

function refused(text: string, what: string): SpoorError {
  return new SpoorError(
    "bad-input",
    `${what} in "${text}", expected host:port, :port or [v6]:port`,
  );
}
