// Collectors as the operator writes them, and the addresses behind their names.
//
//   "collector:14250"  "10.0.0.1:14250"  "[::1]:14250"  ":14250" (this machine)
//   "dns:///collector:14250"   as for gRPC's name resolution, which Jaeger's operator writes
//
// Trust: the operator's text; a mistake is a SpoorError.

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { SpoorError } from "../base/errors.ts";
import { type HostPort, parseHostPort } from "../base/host-port.ts";

const SCHEMES = /^(?:dns|passthrough):\/\/\//;

/** @param flag names the setting in errors. @throws SpoorError `bad-input`. */
export function parseCollectors(texts: readonly string[], flag: string): readonly HostPort[] {
  return texts.map((text) => {
    const bare = text.trim().replace(SCHEMES, "");
    let found: HostPort | undefined;
    try {
      found = parseHostPort(bare);
    } catch {
      found = undefined;
    }
    if (found === undefined || found.port === 0) {
      throw new SpoorError("bad-input", `${flag}: "${text.slice(0, 100)}" is no host:port`);
    }
    return { host: found.host === "" ? "localhost" : found.host, port: found.port };
  });
}

/** All addresses of a name, as the machine knows it (its hosts file, its search domains). */
export async function resolveName(hostName: string): Promise<readonly string[]> {
  if (isIP(hostName) !== 0) return [hostName];
  const found = await lookup(hostName, { all: true });
  return found.map(({ address }) => address);
}
