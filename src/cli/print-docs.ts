// docs/configuration.md and docs/metrics.md, printed from the tables that the program runs on.
//
// Not here: help on the console (print-settings.ts).

import { forwarderSettings } from "../agent/forwarder-settings.ts";
import { agentSettings } from "../agent/settings.ts";
import type { AnyDeclaration } from "../base/metrics.ts";
import { type Setting, type Settings, envNameOf } from "../base/settings.ts";
import { collectorSettings } from "../collector/settings.ts";
import { querySettings } from "../query/settings.ts";
import { samplingDoorSettings, samplingSettings } from "../sampling/settings.ts";
import { memorySettings } from "../store/memory/settings.ts";
import { segmentSettings } from "../store/segment/settings.ts";
import { tracegenSettings } from "../tracegen/settings.ts";
import { demoSettings } from "./demo-settings.ts";
import { printForm, sortedSettings } from "./print-settings.ts";
import { procMetrics, processMetrics } from "./process-metrics.ts";
import { commonSettings, jobSettings } from "./settings.ts";

type MetricTable = readonly AnyDeclaration[];

const sections: readonly (readonly [title: string, table: Settings])[] = [
  ["Every role", commonSettings(":14269")],
  ["Collector", collectorSettings],
  ["Sampling", samplingSettings],
  ["Sampling, all-in-one alone", samplingDoorSettings],
  ["Query", querySettings],
  ["Agent", { ...agentSettings, ...jobSettings }],
  ["Agent, forwarding", forwarderSettings],
  ["Memory store", memorySettings],
  ["Embedded store", segmentSettings],
  ["Demo", demoSettings],
];

/** Commands that only flags set. */
const commandSections: readonly (readonly [title: string, table: Settings])[] = [
  ["Trace generator, flags alone", tracegenSettings],
];

/** The text of docs/configuration.md. */
export function printConfigurationPage(): string {
  const tables = [
    ...sections.map(([title, table]) => `## ${title}\n\n${printTable(table)}`),
    ...commandSections.map(([title, table]) => `## ${title}\n\n${printFlagTable(table)}`),
  ];
  return `${CONFIGURATION_HEAD}
${tables.join("\n")}
## Older names

Still understood; using one is worth a line in the log, unless it has no \`deprecated\` mark here.
A port \`N\` means the address \`:N\`, and \`0\` means "not set".

${printAliases()}
## Names without effect

Names of Jaeger's that are accepted, so that its command lines and files work as they are. Each one
that is given is worth a line in the log.

${printIgnored()}`;
}

/** The text of docs/metrics.md. */
export async function printMetricsPage(): Promise<string> {
  const tables = await loadMetricTables();
  const parts = tables.map(([title, table]) => `## ${title}\n\n${printMetricTable(table)}`);
  return `${METRICS_HEAD}\n${parts.join("\n")}`;
}

const CONFIGURATION_HEAD = `# Configuration

Printed by \`spoor docs\` from the tables in the code.

- A setting is given as a flag (\`--name=value\`, \`--name value\`, one or two dashes; a boolean alone
  means true), as an environment variable, or in the file of \`--config-file\`. Flag > environment >
  file > default.
- The variable of \`collector.queue-size\` is \`COLLECTOR_QUEUE_SIZE\`: upper case, with \`_\` for \`.\` and
  \`-\`. An empty variable counts as not set, but for an address, where it means off.
- The file is YAML, JSON or TOML, by its ending. Keys are nested or have dots, in any case. A list may
  be a list, tags and headers may be a group of keys. Keys of other roles are stepped over.
- Nothing is authenticated by default, so an address without a host (\`:4317\`) listens on
  \`listen.host\`, which is this machine alone unless it is set. An address with a host says so itself.
  An **empty** address switches the door off.
- Durations are written \`300ms\`, \`1.5s\`, \`1h2m\`; sizes \`1048576\`, \`64MiB\`, \`1GB\`.
- An unknown flag, an unknown key of the file, or a value that is not allowed ends the start with one
  line that says what, where it came from, and what is allowed.
`;

const METRICS_HEAD = `# Metrics

Printed by \`spoor docs metrics\` from the tables in the code. Served by the admin port
(\`http://127.0.0.1:14269/metrics\`) in Prometheus' text format. Where Jaeger has a name for a number,
that name is used; older names show the same numbers again.
`;

function printTable(table: Settings): string {
  const rows = sortedSettings(table).map(([name, row]) => {
    const [form, shown] = printValueCells(row);
    return [code(name), code(envNameOf(name)), form, shown, row.help];
  });
  return printRows(["setting", "variable", "value", "default", "meaning"], rows);
}

function printFlagTable(table: Settings): string {
  const rows = sortedSettings(table).map(([name, row]) => {
    const [form, shown] = printValueCells(row);
    return [code(`--${name}`), form, shown, row.help];
  });
  return printRows(["flag", "value", "default", "meaning"], rows);
}

/** What may be given, and what is taken otherwise. */
function printValueCells(row: Setting<unknown>): readonly [form: string, shown: string] {
  const form = row.kind === "bool" ? "bool" : printForm(row).slice(1);
  return [code(form), row.defaultText === "" ? "" : code(row.defaultText)];
}

function printAliases(): string {
  const rows = sections.flatMap(([, table]) =>
    sortedSettings(table).flatMap(([name, row]) =>
      (row.aliases ?? []).map((alias) => {
        const form = { same: "the same", port: "a port", mib: "MiB" }[alias.as];
        return [code(alias.name), code(name), form, alias.deprecated ? "deprecated" : ""];
      }),
    ),
  );
  return printRows(["name", "today", "value", ""], rows);
}

function printIgnored(): string {
  const rows = sections.flatMap(([, table]) =>
    Object.entries(table).flatMap(([name, row]) =>
      row.kind === "ignored" ? [[code(name), row.because]] : [],
    ),
  );
  return printRows(["name", "why"], rows);
}

function printMetricTable(table: MetricTable): string {
  const rows = table.map(({ name, alsoNamed, kind, labels, help }) => {
    const names = [name, ...alsoNamed].map(code).join("<br>");
    return [names, kind, labels.map(code).join(" "), help];
  });
  return printRows(["name", "kind", "labels", "meaning"], rows);
}

async function loadMetricTables(): Promise<readonly (readonly [title: string, MetricTable])[]> {
  const { forwarderMetrics } = await import("../agent/forwarder-metrics.ts");
  const { agentMetrics, reporterMetrics } = await import("../agent/metrics.ts");
  const { collectorMetrics } = await import("../collector/metrics.ts");
  const { oldQueryMetrics, queryMetrics } = await import("../query/metrics.ts");
  const { adaptiveMetrics, samplingMetrics } = await import("../sampling/metrics.ts");
  const { segmentMetrics } = await import("../store/segment/store-counts.ts");
  const reporters = Object.values(reporterMetrics).flatMap(
    (table: Readonly<Record<string, AnyDeclaration>>): MetricTable => Object.values(table),
  );
  const old = Object.values(oldQueryMetrics).flatMap((table): MetricTable => Object.values(table));
  return [
    ["Collector", Object.values(collectorMetrics)],
    ["Sampling", Object.values({ ...samplingMetrics, ...adaptiveMetrics })],
    ["Query", [...Object.values(queryMetrics), ...old]],
    ["Agent", [...Object.values({ ...agentMetrics, ...forwarderMetrics }), ...reporters]],
    ["Embedded store", Object.values(segmentMetrics)],
    ["Process", Object.values({ ...processMetrics, ...procMetrics })],
  ];
}

function printRows(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}

function code(text: string): string {
  return `\`${text}\``;
}
