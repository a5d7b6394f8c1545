// The roles that this program can play, and the settings of each.
//
// Not here: playing them (play-role.ts), the commands that are no roles (run-command.ts).

import { forwarderSettings } from "../agent/forwarder-settings.ts";
import { agentSettings } from "../agent/settings.ts";
import type { Settings } from "../base/settings.ts";
import { collectorSettings } from "../collector/settings.ts";
import { querySettings } from "../query/settings.ts";
import { samplingDoorSettings, samplingSettings } from "../sampling/settings.ts";
import { memorySettings } from "../store/memory/settings.ts";
import { segmentSettings } from "../store/segment/settings.ts";
import { commonSettings, jobSettings, processSettings } from "./settings.ts";

/** Jaeger's admin ports. */
const COLLECTOR_ADMIN = ":14269";
const QUERY_ADMIN = ":16687";
const AGENT_ADMIN = ":14271";

export const allInOneSettings = {
  ...commonSettings(COLLECTOR_ADMIN),
  ...collectorSettings,
  ...samplingSettings,
  ...samplingDoorSettings,
  ...querySettings,
  ...memorySettings,
  ...segmentSettings,
};

export const collectorRoleSettings = {
  ...commonSettings(COLLECTOR_ADMIN),
  ...collectorSettings,
  ...samplingSettings,
  ...memorySettings,
  ...segmentSettings,
};

export const queryRoleSettings = {
  ...commonSettings(QUERY_ADMIN),
  ...querySettings,
  ...memorySettings,
  ...segmentSettings,
};

export const agentRoleSettings = {
  ...processSettings(AGENT_ADMIN),
  ...agentSettings,
  ...forwarderSettings,
  ...jobSettings,
};

/** Every name that some role understands. */
export const anyRoleSettings: Settings = { ...agentRoleSettings, ...allInOneSettings };

export const roles = {
  "all-in-one": {
    help: "Receives, stores and answers in one process. What runs when no command is given.",
    table: allInOneSettings,
  },
  agent: {
    help: "Takes spans by UDP beside their senders and forwards them to a collector.",
    table: agentRoleSettings,
  },
  collector: { help: "Receives spans and stores them.", table: collectorRoleSettings },
  query: { help: "Answers the HTTP and gRPC query API.", table: queryRoleSettings },
} satisfies Record<string, { readonly help: string; readonly table: Settings }>;

export type RoleName = keyof typeof roles;

export function isRoleName(name: string): name is RoleName {
  return Object.hasOwn(roles, name);
}
