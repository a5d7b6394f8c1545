// Settings of every role: the file, the log, the admin port, the host of all doors, the store's kind.
//
// Source: Jaeger's flags of all components up to v1.76; `listen.host`, `shutdown.grace` and the
// log encoding `auto` are ours.
// Not here: settings of one role or one store (their rooms).

import type { HostPort } from "../base/host-port.ts";
import type { ConfigOf, Setting, Settings } from "../base/settings.ts";
import { deprecatedAlias, ignored, setting } from "../base/settings.ts";
import { tlsSettings } from "../base/settings-groups.ts";

/** The kinds of store that can be chosen. */
export const STORE_TYPES = ["segment", "memory"] as const;

const sameStore = ignored("value", "it goes with span-storage.type");

const everywhere = {
  "config-file": setting("string", "", {
    help: "File with settings: YAML, JSON or TOML, by its ending; keys nested or with dots.",
  }),
  "listen.host": setting("string", "127.0.0.1", {
    help:
      "Host of every address that names only a port. Nothing is authenticated by default, so it " +
      "is this machine alone; 0.0.0.0 or :: listens on all interfaces.",
    check: (host) => (/^[^\s/[\]]+$/.test(host) ? undefined : "a host name or an IP address"),
  }),
  "log-level": setting("choice", "info", {
    help: "Least level that is logged; can be changed at run time on the admin port.",
    choices: ["debug", "info", "warn", "error", "dpanic", "panic", "fatal"],
  }),
  "log-encoding": setting("choice", "auto", {
    help: "Form of log lines; auto: console on a terminal, else json.",
    choices: ["auto", "json", "console"],
  }),
  "metrics-backend": setting("choice", "prometheus", {
    help: "Whether the admin port serves metrics.",
    choices: ["prometheus", "none"],
  }),
  "metrics-http-route": setting("string", "/metrics", {
    help: "Path of the metrics on the admin port.",
    check: (path) => (/^\/[^\s?#]+$/.test(path) ? undefined : 'a path that starts with "/"'),
  }),
  "shutdown.grace": setting("duration", "10s", {
    help: "How long accepted work may take to finish after SIGTERM or SIGINT.",
    max: 3_600_000,
  }),
  "feature-gates": ignored("value", "there are none"),
} satisfies Settings;

const storage = {
  "span-storage.type": setting("choice", "segment", {
    help:
      "Kind of store. segment: an acknowledged span is on disk, in segment.directory. memory: " +
      "everything is gone when the process ends.",
    choices: STORE_TYPES,
  }),
  "multi-tenancy.enabled": setting("bool", false, {
    help: "Must stay false: tenants are not kept apart.",
    aliases: [deprecatedAlias("multi_tenancy.enabled")],
    check: (on) => (on ? "false, because tenants are not kept apart yet" : undefined),
  }),
  "multi-tenancy.header": ignored("value", "tenants are not kept apart"),
  "multi-tenancy.tenants": ignored("value", "tenants are not kept apart"),
  "multi_tenancy.header": ignored("value", "tenants are not kept apart"),
  "multi_tenancy.tenants": ignored("value", "tenants are not kept apart"),
  "downsampling.ratio": ignored("value", "every span that is received is stored"),
  "downsampling.hashsalt": ignored("value", "every span that is received is stored"),
  // Jaeger reads these two from the environment only.
  "dependency-storage.type": sameStore,
  "sampling-storage.type": sameStore,
} satisfies Settings;

function adminSettings(hostPort: string): AdminSettings {
  return {
    "admin.http.host-port": setting("host-port", hostPort, {
      help: "Where health, metrics, version and the log level are served.",
      aliases: [
        deprecatedAlias("admin-http-port", "port"),
        deprecatedAlias("health-check-http-port", "port"),
      ],
    }),
    ...tlsSettings("admin.http"),
  };
}

type AdminSettings = ReturnType<typeof tlsSettings<"admin.http">> & {
  readonly "admin.http.host-port": Setting<HostPort | undefined>;
};

/** The rows that every process has. `adminHostPort` is Jaeger's default for the role. */
export function processSettings(adminHostPort: string): typeof everywhere & AdminSettings {
  return { ...everywhere, ...adminSettings(adminHostPort) };
}

/** The rows that every role with a store has. */
export function commonSettings(
  adminHostPort: string,
): typeof everywhere & typeof storage & AdminSettings {
  return { ...processSettings(adminHostPort), ...storage };
}

/** Rows of a role that runs beside the process of a job, and has to end when that has ended. */
export const jobSettings = {
  "exit-with-peers": setting("bool", false, {
    help:
      "Ends when no other process is left that this one can see: for a sidecar of a job whose " +
      "containers share their process namespace. POST /quitquitquit on the admin port ends it, too.",
  }),
} satisfies Settings;

export type JobConfig = ConfigOf<typeof jobSettings>;

export type ProcessConfig = ConfigOf<ReturnType<typeof processSettings>>;

export type CommonConfig = ConfigOf<ReturnType<typeof commonSettings>>;
