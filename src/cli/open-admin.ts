// The admin port of a role: its address, its limits.
//
// Not here: what it serves (admin.ts and who adds routes to it).

import { printHostPort } from "../base/host-port.ts";
import type { Log } from "../base/log.ts";
import { tlsConfigOf } from "../base/settings-groups.ts";
import { openHttpServer } from "../net/http-server.ts";
import type { HttpRoute } from "../net/http-route.ts";
import type { HttpLimits } from "../net/limits.ts";
import type { ProcessConfig } from "./settings.ts";

export interface AdminServerParts {
  readonly config: ProcessConfig;
  readonly log: Log;
  readonly onBug: (error: unknown) => void;
}

export interface OpenAdmin {
  /** Empty: it is switched off. */
  readonly addresses: readonly { readonly name: string; readonly at: string }[];
  close(graceMs: number): Promise<void>;
}

/** Probes, scrapers and people: few, and they send next to nothing. */
const ADMIN_LIMITS: Partial<HttpLimits> = {
  headerBytesMax: 65_536,
  bodyBytesMax: 65_536,
  plainBytesMax: 65_536,
  connectionsMax: 256,
};

/** Scrapes and probes that are still running at the end. */
export const ADMIN_GRACE_MS = 500;

/** Where the metrics are; undefined: they are not served. */
export function metricsRouteOf(config: ProcessConfig): string | undefined {
  return config["metrics-backend"] === "prometheus" ? config["metrics-http-route"] : undefined;
}

/** @throws SpoorError if its address cannot be had. */
export async function openAdmin(
  { config, log, onBug }: AdminServerParts,
  routes: readonly HttpRoute[],
): Promise<OpenAdmin> {
  const hostPort = config["admin.http.host-port"];
  if (hostPort === undefined) return { addresses: [], close: () => Promise.resolve() };
  const tls = tlsConfigOf(config, "admin.http");
  const server = await openHttpServer({
    name: "admin",
    hostPort,
    routes,
    log,
    onBug,
    limits: ADMIN_LIMITS,
    ...(tls === undefined ? {} : { tls }),
  });
  const at = printHostPort({ host: server.address, port: server.port });
  return {
    addresses: [{ name: "admin", at: `${tls === undefined ? "http" : "https"}://${at}` }],
    close: (graceMs) => server.close(graceMs),
  };
}
