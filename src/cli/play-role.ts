// Plays a role from its settings to its end: config, log, supervisor.
//
//   argv, env, file ─▶ config ─▶ log ─▶ supervise(open-role, or open-agent-role)
//
// Not here: what every role opens (open-role.ts), which signal does what (supervisor.ts).

import { isatty } from "node:tty";
import { systemClock } from "../base/clock.ts";
import { type ParsedSettings, parseSettings } from "../base/parse-settings.ts";
import type { ConfigOf, Settings } from "../base/settings.ts";
import type { CollectorConfig } from "../collector/settings.ts";
import type { QueryConfig } from "../query/settings.ts";
import type { SamplingConfig, SamplingDoorConfig } from "../sampling/settings.ts";
import { type OpenLog, makeLog, openLineWriter } from "./log.ts";
import type { OpenDoors, RoleConfig } from "./open-role.ts";
import {
  type RoleName,
  agentRoleSettings,
  allInOneSettings,
  anyRoleSettings,
  collectorRoleSettings,
  queryRoleSettings,
} from "./roles.ts";
import type { RoleStart } from "./run-command.ts";
import type { ProcessConfig } from "./settings.ts";
import { readSettingsFile } from "./settings-file.ts";
import { type ProcessHandle, type Running, supervise } from "./supervisor.ts";

const STDERR = 2;

/** Returns when the role has ended. @throws SpoorError when it could not start. */
export async function playRole(start: RoleStart, process: ProcessHandle): Promise<void> {
  const play: Readonly<Record<RoleName, () => Promise<void>>> = {
    "all-in-one": async () => {
      const parsed = await readSettings(allInOneSettings, start);
      await run(parsed, process, [
        openCollectorDoors(parsed.config),
        openQueryDoors(parsed.config),
        openOwnSamplingDoors(parsed.config),
      ]);
    },
    collector: async () => {
      const parsed = await readSettings(collectorRoleSettings, start);
      await run(parsed, process, [openCollectorDoors(parsed.config)]);
    },
    query: async () => {
      const parsed = await readSettings(queryRoleSettings, start);
      await run(parsed, process, [openQueryDoors(parsed.config)]);
    },
    agent: async () => {
      await runAgent(await readSettings(agentRoleSettings, start), process);
    },
  };
  await play[start.role]();
}

async function readSettings<T extends Settings & { readonly "config-file": unknown }>(
  table: T,
  { role, argv, env }: RoleStart,
): Promise<ParsedSettings<T>> {
  const input = { table, command: role, argv, env, elsewhere: anyRoleSettings };
  const parsed = parseSettings(input);
  const { "config-file": path } = parsed.config as ConfigOf<Settings> & { "config-file": string };
  return path === "" ? parsed : parseSettings({ ...input, file: await readSettingsFile(path) });
}

/** Only a collector adds tags and says what is to be sampled. */
type OfCollector = Partial<Pick<CollectorConfig, "collector.tags"> & SamplingConfig>;

async function run(
  {
    config,
    warnings,
  }: { readonly config: RoleConfig & OfCollector; readonly warnings: readonly string[] },
  process: ProcessHandle,
  doors: readonly OpenDoors[],
): Promise<void> {
  const log = openLog(config, warnings);
  const { openRole } = await import("./open-role.ts");
  const graceMs = config["shutdown.grace"];
  const open = (onBug: (error: unknown) => void): Promise<Running> =>
    openRole({
      config,
      log,
      clock: systemClock,
      doors,
      tags: config["collector.tags"],
      sampling: samplingConfigOf(config),
      onBug,
    });
  await supervise({ process, log, graceMs, open });
}

/** Only what an agent needs is loaded: it runs beside every process, and has to be small. */
async function runAgent(
  { config, warnings }: ParsedSettings<typeof agentRoleSettings>,
  process: ProcessHandle,
): Promise<void> {
  const log = openLog(config, warnings);
  const { openAgentRole } = await import("./open-agent-role.ts");
  await supervise({
    process,
    log,
    graceMs: config["shutdown.grace"],
    open: (onBug, end) => openAgentRole({ config, log, clock: systemClock, onBug, end }),
  });
}

function openLog(config: ProcessConfig, warnings: readonly string[]): OpenLog {
  const encoding = config["log-encoding"];
  const log = makeLog({
    level: config["log-level"],
    encoding: encoding === "auto" ? (isatty(STDERR) ? "console" : "json") : encoding,
    clock: systemClock,
    write: openLineWriter(STDERR),
  });
  for (const warning of warnings) log.warn(warning);
  return log;
}

/** undefined for a role whose table has no sampling. */
function samplingConfigOf(config: OfCollector): SamplingConfig | undefined {
  return isSamplingConfig(config) ? config : undefined;
}

function isSamplingConfig(config: OfCollector): config is SamplingConfig {
  return config["sampling.config-type"] !== undefined;
}

function openCollectorDoors(config: CollectorConfig): OpenDoors {
  return async (parts) => {
    const { openCollector } = await import("../collector/collector.ts");
    return await openCollector({ config, ...parts });
  };
}

function openOwnSamplingDoors(config: SamplingDoorConfig): OpenDoors {
  return async ({ sampling, ...parts }) => {
    if (sampling === undefined) return { addresses: [], close: () => Promise.resolve() };
    const { openSamplingDoors } = await import("../sampling/sampling-doors.ts");
    return await openSamplingDoors({ config, source: sampling.source, ...parts });
  };
}

function openQueryDoors(config: QueryConfig): OpenDoors {
  return async ({ ledgerRoute, ...parts }) => {
    const { openQuery } = await import("../query/query.ts");
    return await openQuery({ config, ...parts, moreRoutes: [ledgerRoute] });
  };
}
