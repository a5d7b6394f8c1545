// What the bench found, as lines for people: each part in detail, and the table of what must be reached.

import type { AgentReport } from "./agent.ts";
import type { ClientReport } from "./client.ts";
import type { DoorReport, Results, StoredReport } from "./phases.ts";
import { BY_ID, COMMON, COMMON_PACKED, type QueryReport, RARE } from "./queries.ts";

const MB = 1e6;

export function printDoor(report: DoorReport): string {
  const { latencyMs: latency } = report;
  const lines = [
    `${report.door}: ${thousands(report.spansPerServerCpuSecond)} spans per server CPU second`,
    `  ${thousands(report.spansPerSecond)} spans/s accepted, ${report.spansRefused} refused, ` +
      `${report.bytesPerSpan} bytes a span on the wire`,
    `  latency ms: p50 ${latency.p50}, p95 ${latency.p95}, p99 ${latency.p99}`,
    `  CPU s while sent to: server ${report.serverCpuSeconds.toFixed(1)}, generator ` +
      `${report.generatorCpuSeconds.toFixed(1)}, others ${report.otherCpuSeconds.toFixed(1)}`,
    `  ready after ${report.readyMs.toFixed(0)} ms, idle RssAnon ` +
      `${megabytes(report.idleRssAnonBytes)}, peak RSS ${megabytes(report.rssPeakBytes)}, ` +
      `afterwards ${megabytes(report.rssAfterBytes)}`,
    `  ${report.spansHeld} spans held`,
    ...Object.entries(report.errors).map(([error, count]) => `  ${count} × ${error}`),
  ];
  return lines.join("\n");
}

export function printStored(report: StoredReport): string {
  const { disk } = report;
  const lines = [`${report.spans} spans stored: ${megabytes(disk.bytes)} on disk`];
  if (disk.files > 0) {
    const each = (disk.fileBytes / disk.fileRows).toFixed(1);
    lines.push(`  ${disk.fileRows} of them in ${disk.files} files, ${each} bytes each`);
  }
  for (const query of report.idle) {
    const busy = report.busy.find(({ what }) => what === query.what);
    lines.push(
      `  ${query.what}: p50 / p95 ms ${latencies(query)} · while ${thousands(report.busyRate)} ` +
        `spans/s come in ${latencies(busy)} · ${query.hits.toFixed(1)} traces, ` +
        `${(query.bytes / 1_000).toFixed(0)} kB, ${query.cpuMs.toFixed(1)} CPU ms`,
    );
  }
  lines.push(
    `  others kept ${report.idleOthers.toFixed(1)} processors busy meanwhile, ` +
      `${report.busyOthers.toFixed(1)} while spans came in`,
  );
  if (report.restart !== undefined) {
    const { restart } = report;
    lines.push(
      `  killed with ${restart.spans} spans, ready again after ${restart.readyMs.toFixed(0)} ms; ` +
        `${restart.lostSpans} of ${restart.lookedUpSpans} spans looked up were gone`,
    );
  }
  return lines.join("\n");
}

export function printAgent(report: AgentReport): string {
  const { sentSpans, arrivedSpans, dropped, refused, kernelDropped, unaccounted } = report;
  const lines = [
    `agent at ${report.rate / 1_000} k spans/s: ${share(report)} arrived, ` +
      `${thousands(report.spansPerAgentCpuSecond)} spans per agent CPU second`,
    `  ${sentSpans} sent (${thousands(report.sentRate)} a second) = ${arrivedSpans} arrived + ` +
      `${dropped} dropped + ${refused} refused + ${kernelDropped} dropped by the kernel` +
      (unaccounted === 0 ? "" : ` + ${unaccounted} NOT COUNTED`),
    `  CPU s: agent ${report.agentCpuSeconds.toFixed(1)}, generator ` +
      `${report.generatorCpuSeconds.toFixed(1)}, collector ` +
      `${report.collectorCpuSeconds.toFixed(1)}, others ${report.otherCpuSeconds.toFixed(1)}; ` +
      `RssAnon of the agent ${megabytes(report.rssAnonBytes)}`,
  ];
  return lines.join("\n");
}

export function printClient(reports: readonly ClientReport[]): string {
  const lines = reports.map(
    ({ library, sampledUs, sampledSystemUs, unsampledUs, waitingBytes, lostSpans }) =>
      `  ${library}: ${sampledUs.toFixed(2)} µs of CPU a span (${sampledSystemUs.toFixed(2)} in the kernel), ` +
      `${unsampledUs.toFixed(3)} unsampled; ${waitingBytes.toFixed(0)} bytes a waiting span` +
      (lostSpans === 0 ? "" : `; ${lostSpans} LOST`),
  );
  return ["client: start, 5 tags, finish, send", ...lines].join("\n");
}

interface Row {
  readonly what: string;
  readonly must: string;
  /** What was measured, and whether it is enough; undefined: not measured. */
  readonly find: (results: Results) => readonly [found: string, isMet: boolean] | undefined;
}

const ROWS: readonly Row[] = [
  doorRow("otlp-http", 200_000),
  doorRow("otlp-grpc", 180_000),
  {
    what: "bytes on disk per span, after merging",
    must: "≤ 45",
    find: ({ stored }) => {
      if (stored === undefined || stored.disk.fileRows === 0) return undefined;
      const inFiles = stored.disk.fileBytes / stored.disk.fileRows;
      const all = stored.disk.bytes / stored.spans;
      return [`${inFiles.toFixed(1)} (${all.toFixed(1)} with the log)`, inFiles <= 45];
    },
  },
  queryRow("idle", COMMON, 8, 20),
  queryRow("idle", COMMON_PACKED, 8, 20),
  queryRow("idle", RARE, 5, 12),
  queryRow("idle", BY_ID, 1, 3),
  queryRow("busy", COMMON),
  queryRow("busy", RARE),
  queryRow("busy", BY_ID),
  {
    what: "peak RSS under saturated ingest",
    must: "≤ 350 MB",
    find: ({ doors }) => {
      if (doors.length === 0) return undefined;
      const peak = Math.max(...doors.map(({ rssPeakBytes }) => rssPeakBytes));
      return [megabytes(peak), peak <= 350e6];
    },
  },
  {
    what: "acknowledged spans lost by kill -9 under load",
    must: "0",
    find: ({ survival }) => {
      if (survival === undefined) return undefined;
      const { lostSpans, doubledSpans, acknowledgedSpans } = survival;
      const found = `${lostSpans} of ${acknowledgedSpans}, ${doubledSpans} twice`;
      return [found, acknowledgedSpans > 0 && lostSpans + doubledSpans === 0];
    },
  },
  {
    what: "ready, empty",
    must: "< 600 ms",
    find: ({ doors }) => {
      if (doors.length === 0) return undefined;
      const ms = doors.map(({ readyMs }) => readyMs).toSorted((one, two) => one - two);
      const median = ms[ms.length >> 1]!;
      return [`${median.toFixed(0)} ms`, median < 600];
    },
  },
  {
    what: "ready after kill -9, 5 M spans",
    must: "< 2000 ms",
    find: ({ stored }) => {
      if (stored?.restart === undefined) return undefined;
      const { readyMs, spans } = stored.restart;
      return [`${readyMs.toFixed(0)} ms with ${(spans / 1e6).toFixed(1)} M`, readyMs < 2_000];
    },
  },
  {
    what: "one request at a time, beside one sync",
    must: "that of one sync",
    find: ({ answers }) => {
      if (answers === undefined) return undefined;
      const { p50, syncP50, batch } = answers;
      const found = `p50 ${p50.toFixed(2)} ms of ${batch} spans; sync ${syncP50.toFixed(2)} ms`;
      return [found, p50 <= 2 * syncP50 + 1];
    },
  },
  {
    what: "agent: spans per agent CPU second, at 200 k spans/s",
    must: "≥ 200 k (jaeger-agent: 57 to 86 k)",
    find: ({ agent }) => {
      const found = agent.find(({ rate }) => rate === 200_000)?.spansPerAgentCpuSecond;
      return found === undefined ? undefined : [thousands(found), found >= 200_000];
    },
  },
  agentRow(50_000, 1, "99.2 %"),
  agentRow(100_000, 1, "83 %"),
  agentRow(200_000, 0.99, "40 %"),
  {
    what: "agent: spans lost that nobody counted",
    must: "0 (jaeger-agent counts its own queue only)",
    find: ({ agent }) => {
      if (agent.length === 0) return undefined;
      const sum = (pick: (report: AgentReport) => number): number =>
        agent.reduce((all, report) => all + pick(report), 0);
      const lost = sum(({ sentSpans, arrivedSpans }) => sentSpans - arrivedSpans);
      const unaccounted = sum((report) => Math.abs(report.unaccounted));
      return [`${unaccounted} of ${lost} lost`, unaccounted === 0];
    },
  },
  clientRow("sampled", 1.5, ({ sampledUs }) => sampledUs),
  clientRow("unsampled", 0.15, ({ unsampledUs }) => unsampledUs),
];

/** Beside what it must reach, at most a third of what the others take. */
function clientRow(what: string, usMax: number, pick: (report: ClientReport) => number): Row {
  return {
    what: `client: CPU µs a span, ${what}`,
    must: `≤ ${usMax}, a third of the others'`,
    find: ({ client }) => {
      const [own, ...others] = client;
      if (own === undefined) return undefined;
      const us = pick(own);
      const parts = others.map((other) => `${other.library} × ${(us / pick(other)).toFixed(2)}`);
      const isThird = others.every((other) => us <= pick(other) / 3);
      return [`${us.toFixed(3)} (${parts.join(", ")})`, us <= usMax && isThird];
    },
  };
}

function agentRow(rate: number, shareMin: number, jaeger: string): Row {
  const least = shareMin === 1 ? "100 %" : `≥ ${100 * shareMin} %`;
  return {
    what: `agent: arrives at ${rate / 1_000} k spans/s by UDP`,
    must: `${least} (jaeger-agent: ${jaeger})`,
    find: ({ agent }) => {
      const report = agent.find((one) => one.rate === rate);
      if (report === undefined) return undefined;
      return [share(report), report.arrivedSpans >= shareMin * report.sentSpans];
    },
  };
}

/** Rounded down: 100 % is all. */
function share({ sentSpans, arrivedSpans }: AgentReport): string {
  return `${(Math.floor((10_000 * arrivedSpans) / Math.max(1, sentSpans)) / 100).toFixed(2)} %`;
}

function doorRow(door: string, spansMin: number): Row {
  return {
    what: `spans per server CPU second, ${door}`,
    must: `≥ ${spansMin / 1_000} k`,
    find: ({ doors }) => {
      const report = doors.find((one) => one.door === door);
      if (report === undefined) return undefined;
      const found = report.spansPerServerCpuSecond;
      return [thousands(found), found >= spansMin];
    },
  };
}

/** Without bounds: while spans come in, where the p95 may be twice the idle one. */
function queryRow(which: "idle" | "busy", what: string, p50Max?: number, p95Max?: number): Row {
  const isBounded = p50Max !== undefined && p95Max !== undefined;
  return {
    what: which === "idle" ? `${what}, p50 / p95 ms` : `${what}, while 50 k spans/s come in`,
    must: isBounded ? `≤ ${p50Max} / ${p95Max}` : "p95 ≤ 2 × idle",
    find: ({ stored }) => {
      const query = stored?.[which].find((one) => one.what === what);
      const idle = stored?.idle.find((one) => one.what === what);
      if (query === undefined || idle === undefined) return undefined;
      const isMet = isBounded
        ? query.p50 <= p50Max && query.p95 <= p95Max
        : query.p95 <= 2 * idle.p95;
      return [latencies(query), isMet];
    },
  };
}

/** The table, a column for each checkout. @param isJudged says what was missed; a quick run is too short. */
export function printTable(all: readonly Results[], isJudged: boolean): string {
  const header = ["", "must reach", ...all.map(({ folder, store }) => `${folder} (${store})`)];
  const rows = ROWS.map(({ what, must, find }) => {
    const found = all.map((results) => {
      const [text, isMet] = find(results) ?? ["–", true];
      return isMet || !isJudged ? text : `${text} MISSED`;
    });
    return [what, must].concat(found);
  });
  const lines = [header, header.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function latencies(query: QueryReport | undefined): string {
  return query === undefined ? "–" : `${query.p50.toFixed(1)} / ${query.p95.toFixed(1)}`;
}

function thousands(value: number): string {
  return `${(value / 1_000).toFixed(1)} k`;
}

function megabytes(bytes: number): string {
  return `${(bytes / MB).toFixed(0)} MB`;
}
