// Times the query API: one client, one request after the other, another value each time.
//
//   sent traces ─ draw one ─▶ service, operation, duration, user of one of its spans ─▶ question
//
// Answers are asked for as they are unless a kind says gzip: on one machine packing only costs.

import { gunzipSync } from "node:zlib";
import { readProcess } from "../test/read-process.ts";
import { QueryClient } from "./query-client.ts";
import type { SentTrace, SentTraces } from "./sent-traces.ts";
import {
  makeRandom,
  makeUnit,
  type Random,
  type SpanModel,
  type Unit,
  USER,
} from "./span-model.ts";

/** Searches look back this far: the whole of a bench run. */
const LOOKBACK_US = 3_600_000_000;
/** Ahead of the clock: spans of slow traces end later than they are sent. */
const AHEAD_US = 60_000_000;
/** Of every so many answers the hits are counted. */
const COUNTED_EACH = 10;
/** Asked of each kind before the clock runs: by then its code is compiled. */
const WARM_REQUESTS = 200;
const GZIP_MAGIC = 0x1f;

export interface QueryReport {
  readonly what: string;
  readonly requests: number;
  /** Traces in an answer, on average over a sample of them. */
  readonly hits: number;
  /** Bytes of an answer, on average. */
  readonly bytes: number;
  readonly p50: number;
  readonly p95: number;
  /** Of the server, for one request; what it does beside is in it. */
  readonly cpuMs: number;
}

export interface QueryPlan {
  /** Of the server. */
  readonly pid: number;
  /** `127.0.0.1:16686` */
  readonly base: string;
  /** Of each kind. */
  readonly requests: number;
  readonly sent: SentTraces;
  /** Seed and traces a unit of the generator that sent them. */
  readonly seed: number;
  readonly unitTraces: number;
  /** Only these kinds; left out: all. */
  readonly kinds?: readonly string[];
}

interface Kind {
  readonly what: string;
  readonly isPacked?: boolean;
  readonly path: (draw: Draw) => string;
}

export const COMMON = "search: common tag + duration";
export const COMMON_PACKED = "search: common tag + duration, gzip";
export const RARE = "search: rare tag";
export const BY_ID = "trace by id";

const KINDS: readonly Kind[] = [
  { what: "services", path: () => "/api/services" },
  { what: COMMON, path: (draw) => commonPath(draw) },
  { what: COMMON_PACKED, isPacked: true, path: (draw) => commonPath(draw) },
  {
    what: RARE,
    path: (draw) => {
      const { span, sent } = draw.span();
      const user = String(sent.user).padStart(USER.length, "0");
      return searchPath(draw, span, { "user.id": `u-${user}` });
    },
  },
  {
    what: "search: http.status_code=404",
    path: (draw) => searchPath(draw, draw.span().span, { "http.status_code": "404" }),
  },
  {
    what: "search: error of a service",
    path: (draw) => {
      const service = draw.serviceOf(draw.span().span);
      const tags = encodeURIComponent('{"error":"true"}');
      return `/api/traces?service=${service}&tags=${tags}&${rangeText()}`;
    },
  },
  { what: BY_ID, path: (draw) => `/api/traces/${draw.trace().id}` },
];

const TENANTS = ["acme", "globex", "initech", "umbrella", "hooli", "stark", "wayne", "wonka"];

function commonPath(draw: Draw): string {
  const { span } = draw.span();
  const tenant = TENANTS[Math.floor(draw.random() * TENANTS.length)]!;
  const minDuration = `${Math.max(1, Math.floor(span.durationNs / 20_000))}us`;
  return `${searchPath(draw, span, { tenant })}&minDuration=${minDuration}`;
}

function searchPath(draw: Draw, span: SpanModel, tags: Readonly<Record<string, string>>): string {
  const service = draw.serviceOf(span);
  const conditions = new URLSearchParams({
    service,
    operation: span.name,
    tags: JSON.stringify(tags),
  });
  return `/api/traces?${conditions.toString()}&${rangeText()}`;
}

function rangeText(): string {
  const endUs = Date.now() * 1_000 + AHEAD_US;
  return `start=${endUs - LOOKBACK_US}&end=${endUs}&limit=20`;
}

/** Draws known values out of all that was sent. */
class Draw {
  readonly random: Random = makeRandom(4_711);
  readonly #plan: QueryPlan;
  readonly #units = new Map<number, Unit>();

  constructor(plan: QueryPlan) {
    this.#plan = plan;
  }

  trace(): SentTrace {
    return this.#plan.sent.at(Math.floor(this.random() * this.#plan.sent.count));
  }

  /** A server span of a trace. */
  span(): { readonly span: SpanModel; readonly sent: SentTrace } {
    const sent = this.trace();
    const spans = this.#unit(sent.unit).spans.filter(
      ({ trace, kind }) => trace === sent.trace && kind === 2,
    );
    return { span: spans[Math.floor(this.random() * spans.length)]!, sent };
  }

  serviceOf(span: SpanModel): string {
    return this.#unit(0).services[span.service]!.name;
  }

  #unit(number: number): Unit {
    let unit = this.#units.get(number);
    if (unit === undefined) {
      unit = makeUnit(this.#plan.seed, number, this.#plan.unitTraces);
      this.#units.set(number, unit);
    }
    return unit;
  }
}

export async function timeQueries(plan: QueryPlan): Promise<QueryReport[]> {
  const draw = new Draw(plan);
  const client = new QueryClient(plan.base);
  const reports: QueryReport[] = [];
  try {
    for (const kind of KINDS) {
      if (plan.kinds !== undefined && !plan.kinds.includes(kind.what)) continue;
      reports.push(await timeKind(client, kind, draw, plan));
    }
  } finally {
    client.close();
  }
  return reports;
}

async function timeKind(
  client: QueryClient,
  kind: Kind,
  draw: Draw,
  { pid, requests }: QueryPlan,
): Promise<QueryReport> {
  const ms: number[] = [];
  let bytes = 0;
  let hits = 0;
  let counted = 0;
  let cpuSeconds = 0;
  for (let k = -Math.min(WARM_REQUESTS, requests); k < requests; k++) {
    if (k === 0) cpuSeconds = readProcess(pid).cpuSeconds;
    const path = kind.path(draw);
    const startedMs = performance.now();
    const body = await client.get(path, kind.isPacked === true);
    const endedMs = performance.now();
    if (k < 0) continue;
    ms.push(endedMs - startedMs);
    bytes += body.length;
    if (k % COUNTED_EACH !== 0) continue;
    // Small answers are not packed, whoever asks.
    const text = body[0] === GZIP_MAGIC ? gunzipSync(body) : body;
    hits += (JSON.parse(text.toString()) as { data: unknown[] }).data.length;
    counted++;
  }
  ms.sort((one, two) => one - two);
  const at = (share: number): number => ms[Math.floor(share * (ms.length - 1))]!;
  return {
    what: kind.what,
    requests,
    hits: hits / counted,
    bytes: Math.round(bytes / requests),
    p50: at(0.5),
    p95: at(0.95),
    cpuMs: (1_000 * (readProcess(pid).cpuSeconds - cpuSeconds)) / requests,
  };
}
