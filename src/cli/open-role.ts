// What every role opens, in which order, and how it all closes again.
//
//   admin (503) ─▶ store ─▶ doors ─▶ admin says 200          open
//   admin (503) ─▶ doors stop, drain ─▶ books ─▶ store ─▶ admin     close
//
// Whatever fails to open closes what is open already, so that a start either succeeds or leaves
// nothing behind.
// Not here: what is behind the doors (collector, query), signals (supervisor.ts).

import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { MetricsRegistry } from "../base/metrics.ts";
import { makeLedgerRoute } from "../collector/ledger-route.ts";
import { Ledger } from "../collector/ledger.ts";
import type { Reception } from "../collector/reception.ts";
import { freeAfterStart } from "../net/garbage.ts";
import type { HttpRoute } from "../net/http-route.ts";
import type { Sampling } from "../sampling/open-sampling.ts";
import type { SamplingConfig } from "../sampling/settings.ts";
import type { MemoryConfig } from "../store/memory/settings.ts";
import type { SegmentConfig } from "../store/segment/settings.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { makeAdminRoutes } from "./admin.ts";
import { makeBackupRoute } from "./backup-route.ts";
import { makeHealth } from "./health.ts";
import { ADMIN_GRACE_MS, metricsRouteOf, openAdmin } from "./open-admin.ts";
import type { OpenLog } from "./log.ts";
import { openStore } from "./open-store.ts";
import { registerProcessMetrics } from "./process-metrics.ts";
import type { CommonConfig } from "./settings.ts";
import type { Running } from "./supervisor.ts";
import { readVersion } from "./version.ts";

export type RoleConfig = CommonConfig & MemoryConfig & SegmentConfig;

/** What the doors of a role stand on. */
export interface DoorParts {
  readonly store: TraceStore;
  /** Where payloads are read, if not in this thread. */
  readonly reception: Reception | undefined;
  /** What clients are told to sample; undefined in a role that takes no spans. */
  readonly sampling: Sampling | undefined;
  /** The books of what comes in. */
  readonly ledger: Ledger;
  /** Shows them: on the admin port, and where a role wants to. */
  readonly ledgerRoute: HttpRoute;
  readonly registry: MetricsRegistry;
  readonly log: Log;
  readonly clock: Clock;
  readonly onBug: (error: unknown) => void;
}

/** One address that is listened on, for who reads the log. */
export interface DoorAddress {
  /** What speaks there: "OTLP gRPC". */
  readonly name: string;
  /** `http://127.0.0.1:16686`, or `127.0.0.1:4317` for gRPC. */
  readonly at: string;
}

export interface Doors extends Running {
  readonly addresses: readonly DoorAddress[];
}

/** Opens every door of a role, or none and throws. */
export type OpenDoors = (parts: DoorParts) => Promise<Doors>;

export interface RoleParts {
  readonly config: RoleConfig;
  readonly log: OpenLog;
  readonly clock: Clock;
  readonly doors: readonly OpenDoors[];
  /** What `collector.tags` adds: a store that keeps payloads reads them as they were read before. */
  readonly tags?: ReadonlyMap<string, string> | undefined;
  /** A role that takes spans also says what is to be sampled. */
  readonly sampling?: SamplingConfig | undefined;
  readonly onBug: (error: unknown) => void;
}

/** @throws SpoorError when a door or the store cannot be opened; nothing stays open then. */
export async function openRole(parts: RoleParts): Promise<Running> {
  const { config, log, clock, onBug } = parts;
  const registry = new MetricsRegistry();
  const version = readVersion(import.meta.url);
  const health = makeHealth(clock);
  registerProcessMetrics(registry, version, clock);
  log.info("Spoor is starting", { version: version.version, node: process.version });

  let graceMs = 0;
  await using opening = new AsyncDisposableStack();
  const ledger = new Ledger();
  let store: TraceStore | undefined;
  const ledgerRoute = makeLedgerRoute(ledger, () => store?.figures());
  const admin = await openAdmin(parts, [
    ...makeAdminRoutes({ health, registry, log, version, metricsRoute: metricsRouteOf(config) }),
    ledgerRoute,
    makeBackupRoute(() => store, clock),
  ]);
  opening.defer(() => admin.close(ADMIN_GRACE_MS));
  const { store: opened, reception } = await openStore({ ...parts, metrics: registry });
  store = opened;
  opening.defer(() => opened.close());
  opening.defer(() => logBooks(log, ledger));
  const sampling = await openRoleSampling(parts, registry);
  opening.defer(async () => sampling?.close());
  // Together, so that all of them stop accepting before the first one waits for its work.
  const doors: Doors[] = [];
  opening.defer(async () => void (await Promise.all(doors.map((door) => door.close(graceMs)))));
  for (const open of parts.doors) {
    doors.push(
      await open({
        store: opened,
        reception,
        sampling,
        ledger,
        ledgerRoute,
        registry,
        log,
        clock,
        onBug,
      }),
    );
  }

  health.open(() => opened.ready());
  for (const { name, at } of [...doors.flatMap((door) => door.addresses), ...admin.addresses]) {
    log.info(name, { at });
  }
  freeAfterStart();
  log.info("Spoor is ready");
  const running = opening.move();
  return {
    async close(grace) {
      graceMs = grace;
      health.shut();
      await running.disposeAsync();
    },
  };
}

async function openRoleSampling(
  { config, sampling, log, clock, onBug }: RoleParts,
  registry: MetricsRegistry,
): Promise<Sampling | undefined> {
  if (sampling === undefined) return undefined;
  const { openSampling } = await import("../sampling/open-sampling.ts");
  const { diskFiles } = await import("../store/disk/files.ts");
  const isOnDisk = config["span-storage.type"] === "segment";
  return openSampling({
    config: sampling,
    files: diskFiles,
    directory: isOnDisk ? config["segment.directory"] : undefined,
    // In a container both of the names may be those of the process before.
    holder: `${hostname()}-${process.pid}-${randomBytes(4).toString("hex")}`,
    clock,
    registry,
    log,
    onBug,
  });
}

/** The last words about spans: nobody can ask for the ledger any more. */
function logBooks(log: Log, ledger: Ledger): void {
  const { accounts, total } = ledger.figures();
  if (accounts.length === 0) return; // no door of a collector was open
  const { received, stored, refused, dropped, inFlight } = total.spans;
  const sum = (counts: Readonly<Record<string, number>>): number =>
    Object.values(counts).reduce((all, count) => all + count, 0);
  const counts = { received, stored, refused: sum(refused), dropped: sum(dropped), inFlight };
  log.info("spans of this run", counts);
}
