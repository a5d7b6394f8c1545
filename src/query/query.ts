// The query service: opens its two doors onto one store.
//
//   config ─▶ HTTP 16686 (http-api.ts) ─┐
//             gRPC 16685 (grpc-api.ts) ─┴▶ measured store ─▶ TraceStore
//
// Only wiring. A door whose address is empty stays shut.
// Not here: health and metrics for scrapers (the admin port, cli), settings (settings.ts).

import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { MetricsRegistry } from "../base/metrics.ts";
import { type HostPort, printHostPort } from "../base/host-port.ts";
import { type TlsConfig, tlsConfigOf } from "../base/settings-groups.ts";
import { openGrpcServer } from "../net/grpc-server.ts";
import type { HttpRoute } from "../net/http-route.ts";
import { openHttpServer } from "../net/http-server.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { makeGrpcServices } from "./grpc-api.ts";
import { makeFailureAnswer, makeHttpRoutes } from "./http-api.ts";
import { makeMeasuredStore } from "./measured-store.ts";
import type { QueryParts } from "./query-parts.ts";
import type { QueryConfig } from "./settings.ts";

export interface QueryOptions {
  readonly config: QueryConfig;
  readonly store: TraceStore;
  readonly registry: MetricsRegistry;
  readonly log: Log;
  readonly clock: Clock;
  /** Called with an error that is a bug of ours; the process should end. */
  readonly onBug: (error: unknown) => void;
  /** Routes of other roles in this process that the HTTP door serves too: the ledger. */
  readonly moreRoutes?: readonly HttpRoute[];
}

/** A door that is open. */
export interface QueryAddress {
  readonly door: "query-http" | "query-grpc";
  /** For people: "Query HTTP". */
  readonly name: string;
  /** `http://127.0.0.1:16686`, or `127.0.0.1:16685` for gRPC. */
  readonly at: string;
  readonly port: number;
}

export interface Query {
  readonly addresses: readonly QueryAddress[];
  /** Resolves if the store can answer; rejects with `unavailable` and the reason. */
  ready(): Promise<void>;
  /** Stops accepting, lets answers be written for `graceMs`, then cuts off. Twice is harmless. */
  close(graceMs: number): Promise<void>;
}

interface Opened {
  readonly address: string;
  readonly port: number;
  close(graceMs: number): Promise<void>;
}

/**
 * Opens every door that has an address.
 *
 * @throws SpoorError `unavailable` (door and address, and why), `bad-input` for TLS files and
 *   settings. Nothing is open then.
 */
export async function openQuery(options: QueryOptions): Promise<Query> {
  const { config, store, registry, clock } = options;
  const parts: QueryParts = {
    store: makeMeasuredStore(store, registry, clock),
    clock,
    adjust: { skewNsMax: Math.round(config["query.max-clock-skew-adjustment"] * 1e6) },
  };
  const opened: Opened[] = [];
  const addresses: QueryAddress[] = [];
  try {
    const http = config["query.http-server.host-port"];
    if (http !== undefined) {
      const tls = tlsConfigOf(config, "query.http");
      const door = await openHttp(options, parts, http, tls);
      opened.push(door);
      const scheme = tls === undefined ? "http://" : "https://";
      addresses.push({ door: "query-http", name: "Query HTTP", ...placeOf(door, scheme) });
    }
    const grpc = config["query.grpc-server.host-port"];
    if (grpc !== undefined) {
      const door = await openGrpc(options, parts, grpc, tlsConfigOf(config, "query.grpc"));
      opened.push(door);
      addresses.push({ door: "query-grpc", name: "Query gRPC", ...placeOf(door, "") });
    }
  } catch (error) {
    await Promise.all(opened.map((door) => door.close(0)));
    throw error;
  }
  let closing: Promise<unknown> | undefined;
  return {
    addresses,
    ready: () => store.ready(),
    async close(graceMs) {
      closing ??= Promise.all(opened.map((door) => door.close(graceMs)));
      await closing;
    },
  };
}

function openHttp(
  options: QueryOptions,
  parts: QueryParts,
  hostPort: HostPort,
  tls: TlsConfig | undefined,
): Promise<Opened> {
  const { config, log, onBug, moreRoutes = [] } = options;
  const basePath = config["query.base-path"];
  const passesToken = config["query.bearer-token-propagation"];
  return openHttpServer({
    name: "query-http",
    hostPort,
    routes: [...moreRoutes, ...makeHttpRoutes(parts, { basePath, passesToken })],
    log,
    onBug,
    basePath,
    headers: Object.fromEntries(config["query.additional-headers"]),
    gzip: true,
    cors: {
      allowedOrigins: config["query.http.cors.allowed-origins"],
      allowedHeaders: config["query.http.cors.allowed-headers"],
    },
    answerFailure: makeFailureAnswer(log),
    ...(tls === undefined ? {} : { tls }),
  });
}

function openGrpc(
  options: QueryOptions,
  parts: QueryParts,
  hostPort: HostPort,
  tls: TlsConfig | undefined,
): Promise<Opened> {
  const { config, log, onBug, clock } = options;
  const passesToken = config["query.bearer-token-propagation"];
  return openGrpcServer({
    name: "query-grpc",
    hostPort,
    services: makeGrpcServices(parts, { passesToken }),
    log,
    onBug,
    clock,
    ...(tls === undefined ? {} : { tls }),
  });
}

function placeOf(
  { address, port }: Opened,
  scheme: string,
): { readonly at: string; readonly port: number } {
  return { at: scheme + printHostPort({ host: address, port }), port };
}
