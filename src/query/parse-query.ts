// Parameters of /api/* as the store's questions.
//
//   service=shop&tag=error:true&minDuration=1ms&limit=20  ─▶  TraceQuery
//
// Each parameter is read in Jaeger's order, so that of two mistakes the same one is told. An empty
// value counts as none. Search times are µs, those of dependencies and metrics are ms.
// Source: Jaeger's query_parser.go (v1.76): names, defaults, texts. A `limit` of 0 or less means all,
// as in its memory store; whatever is asked, LIMIT_MAX bounds it. `filter`, `cursor` and what asks for
// attributes are ours.
// Trust: parameters are the peer's. What is not a number is refused, what is too many is bounded.
// Not here: /api/v3 (parse-query-v3.ts), what the store makes of it.

import { parseDurationNs } from "../base/duration.ts";
import { SpoorError } from "../base/errors.ts";
import { KIND_SERVER } from "../model/span-batch.ts";
import {
  type AttributeCondition,
  COMPLETIONS_MAX,
  type Cursor,
  type KeyQuery,
  LIMIT_MAX,
  type SeriesQuery,
  type TimeRange,
  type TraceQuery,
  type ValueQuery,
} from "../model/trace-query.ts";
import { parseCursor } from "./cursor-text.ts";
import { parseStringMap } from "./go-json.ts";
import { parseGoBool, parseGoFloat, parseGoInt } from "./go-values.ts";
import { parseFilters } from "./parse-filter.ts";
import { parseTraceId } from "./parse-trace-id.ts";
import { parseKind } from "./span-kinds.ts";

export const LIMIT_DEFAULT = 100;
const MINUTE_US = 60e6;
const SEARCH_LOOKBACK_US = 2 * 86_400e6;
const DEPENDENCIES_LOOKBACK_MS = 86_400_000;

/** Traces asked for by id in one request; each is a read of its own. */
const TRACE_IDS_MAX = 1_000;

/** Prometheus' own bound on points a line, which the metrics of Jaeger have. */
export const POINTS_MAX = 11_000;
/** Lines are counted together: one for each service, at least. */
const SERVICES_MAX = 1_000;

/** A search: by conditions, or for certain traces if `ids` is not empty. */
export interface TraceSearch {
  readonly query: TraceQuery;
  readonly ids: readonly Uint8Array[];
  /** The answer shall say where the next page begins. */
  readonly isPaged: boolean;
  /** Shows traces as they are stored. */
  readonly raw: boolean;
}

/** @throws SpoorError `bad-input` with Jaeger's text. */
export function parseTraceSearch(params: URLSearchParams, nowUs: number): TraceSearch {
  const startUsMin = parseTime(params, "start", 1, nowUs - SEARCH_LOOKBACK_US);
  const startUsMax = parseTime(params, "end", 1, nowUs);
  const tags = parseTags(params);
  const limit = params.get("limit") || String(LIMIT_DEFAULT);
  const traces = parseGoInt(limit, 32);
  const durationNsMin = parseDuration(params, "minDuration");
  const durationNsMax = parseDuration(params, "maxDuration");
  const ids = parseIds(params);
  const raw = parseRaw(params);
  const attributes = [...tags, ...parseFilters(params.getAll("filter"))];
  const { isPaged, after } = parsePage(params);

  const service = params.get("service") ?? "";
  // Who asks for what Jaeger has not is none of its clients, which have to name a service.
  const isOurs = isPaged || params.has("filter");
  if (ids.length === 0 && service === "" && !isOurs)
    throw refuse("parameter 'service' is required");
  if (durationNsMin !== 0 && durationNsMax !== 0 && durationNsMax < durationNsMin) {
    throw refuse("'maxDuration' should be greater than 'minDuration'");
  }
  const operation = params.get("operation") ?? "";
  const query: TraceQuery = {
    ...(service === "" ? {} : { service }),
    ...(operation === "" ? {} : { operation }),
    startUsMin,
    startUsMax,
    ...(durationNsMin === 0 ? {} : { durationNsMin }),
    ...(durationNsMax === 0 ? {} : { durationNsMax }),
    attributes,
    limit: boundLimit(traces),
    ...(after === undefined ? {} : { after }),
  };
  return { query, ids, isPaged, raw };
}

/** An empty `cursor` asks for the first page. */
export function parsePage(params: URLSearchParams): {
  readonly isPaged: boolean;
  readonly after: Cursor | undefined;
} {
  const cursor = params.get("cursor");
  return { isPaged: cursor !== null, after: cursor ? parseCursor(cursor) : undefined };
}

/** What /api/attributes/keys takes. */
export function parseKeyQuery(params: URLSearchParams, nowUs: number): KeyQuery {
  const startUsMin = parseTime(params, "start", 1, nowUs - SEARCH_LOOKBACK_US);
  const startUsMax = parseTime(params, "end", 1, nowUs);
  const text = params.get("limit") || String(LIMIT_DEFAULT);
  const limit = parseParam("limit", () => parseGoInt(text, 32));
  const service = params.get("service") ?? "";
  return {
    ...(service === "" ? {} : { service }),
    prefix: params.get("prefix") ?? "",
    startUsMin,
    startUsMax,
    limit: limit <= 0 ? COMPLETIONS_MAX : Math.min(limit, COMPLETIONS_MAX),
  };
}

/** What /api/attributes/values takes. */
export function parseValueQuery(params: URLSearchParams, nowUs: number): ValueQuery {
  const query = parseKeyQuery(params, nowUs);
  const key = params.get("key") ?? "";
  if (key === "") throw refuse("parameter 'key' is required");
  return { ...query, key };
}

/** Traces that may be answered when `limit` were asked for: 1..LIMIT_MAX, 0 or less = LIMIT_MAX. */
export function boundLimit(limit: number): number {
  return limit <= 0 ? LIMIT_MAX : Math.min(limit, LIMIT_MAX);
}

function parseIds(params: URLSearchParams): Uint8Array[] {
  const texts = params.getAll("traceID");
  if (texts.length > TRACE_IDS_MAX) {
    throw refuse(`${texts.length} traceID params, expected at most ${TRACE_IDS_MAX}`);
  }
  return texts.map((text) => within("cannot parse traceID param: ", () => parseTraceId(text)));
}

/** Of equal keys the last one counts, as in a Go map; `tags` comes after `tag`. */
function parseTags(params: URLSearchParams): readonly AttributeCondition[] {
  const values = new Map<string, string>();
  for (const tag of params.getAll("tag")) {
    const colon = tag.indexOf(":");
    if (colon < 0) {
      throw refuse(`malformed 'tag' parameter, expecting key:value, received: ${tag}`);
    }
    values.set(tag.slice(0, colon), tag.slice(colon + 1));
  }
  for (const tags of params.getAll("tags")) {
    const what = "malformed 'tags' parameter, cannot unmarshal JSON: ";
    for (const [key, value] of within(what, () => parseStringMap(tags))) values.set(key, value);
  }
  return [...values].map(([key, value]) => ({ key, value }));
}

/** What /api/traces/{id} may ask. `start` and `end` are only looked at for mistakes. */
export function parseTraceParams(params: URLSearchParams): { readonly raw: boolean } {
  parseTime(params, "start", 1, 0);
  parseTime(params, "end", 1, 0);
  return { raw: parseRaw(params) };
}

/** @returns the range, and the service whose links are wanted ("" = all). */
export function parseDependencies(
  params: URLSearchParams,
  nowUs: number,
): { readonly range: TimeRange; readonly service: string } {
  const endUs = parseTime(params, "endTs", 1_000, nowUs);
  const lookbackMs = parseMs(params, "lookback", DEPENDENCIES_LOOKBACK_MS);
  const range = { startUsMin: endUs - lookbackMs * 1_000, startUsMax: endUs };
  return { range, service: params.get("service") ?? "" };
}

/** @throws SpoorError `bad-input`; the text of `quantile` comes before all others. */
export function parseQuantile(params: URLSearchParams): number {
  const quantile = parseParam("quantile", () => parseGoFloat(params.get("quantile") ?? ""));
  if (quantile >= 0 && quantile <= 1) return quantile;
  throw refuse(`unable to parse param 'quantile': ${quantile} is not within 0 and 1`);
}

/** What all of /api/metrics/{latencies,calls,errors} take. */
export function parseSeries(params: URLSearchParams, nowUs: number): SeriesQuery {
  const services = params.getAll("service");
  if (services.length === 0) {
    throw refuse("unable to parse param 'service': please provide at least one service name");
  }
  const byOperation = parseBool(params, "groupByOperation");
  const kinds = params.getAll("spanKind").map((name) => {
    const kind = name === "unspecified" ? 0 : parseKind(name);
    if (kind !== undefined) return kind;
    throw refuse(`unable to parse param 'spanKind': unsupported span kind: '${name}'`);
  });
  return boundSeries({
    services,
    kinds: kinds.length === 0 ? [KIND_SERVER] : kinds,
    byOperation,
    endUs: parseTime(params, "endTs", 1_000, nowUs),
    lookbackUs: parseMs(params, "lookback", 3_600_000) * 1_000,
    stepUs: parseMs(params, "step", 5_000) * 1_000,
    windowUs: parseMs(params, "ratePer", 600_000) * 1_000,
  });
}

/**
 * Points of charts with steps of whole minutes stand on whole minutes, the last one behind `endTs`: stores
 * count by minutes, and need not look at spans then.
 *
 * @throws SpoorError `bad-input` if the answer would be longer than anybody could draw.
 */
export function boundSeries(query: SeriesQuery): SeriesQuery {
  if (query.services.length > SERVICES_MAX) {
    throw refuse(`${query.services.length} services, expected at most ${SERVICES_MAX}`);
  }
  if (query.stepUs <= 0 || query.windowUs <= 0 || query.lookbackUs < 0) {
    throw refuse("'step' and 'ratePer' should be positive, 'lookback' not negative");
  }
  const points = Math.floor(query.lookbackUs / query.stepUs) + 1;
  if (points > POINTS_MAX) {
    throw refuse(`'lookback' has ${points} steps, expected at most ${POINTS_MAX}`);
  }
  if (query.stepUs % MINUTE_US !== 0) return query;
  return { ...query, endUs: Math.ceil(query.endUs / MINUTE_US) * MINUTE_US };
}

function parseRaw(params: URLSearchParams): boolean {
  return parseBool(params, "raw");
}

function parseBool(params: URLSearchParams, name: string): boolean {
  const text = params.get(name) ?? "";
  return text === "" ? false : parseParam(name, () => parseGoBool(text));
}

/** A time in units of `unitUs`, as µs. */
function parseTime(
  params: URLSearchParams,
  name: string,
  unitUs: number,
  defaultUs: number,
): number {
  const text = params.get(name) ?? "";
  return text === "" ? defaultUs : parseParam(name, () => parseGoInt(text, 64)) * unitUs;
}

function parseMs(params: URLSearchParams, name: string, defaultMs: number): number {
  const text = params.get(name) ?? "";
  return text === "" ? defaultMs : parseParam(name, () => parseGoInt(text, 64));
}

/** ns; 0 = not asked. */
function parseDuration(params: URLSearchParams, name: string): number {
  const text = params.get(name) ?? "";
  return text === "" ? 0 : parseParam(name, () => parseDurationNs(text));
}

function parseParam<T>(name: string, parse: () => T): T {
  return within(`unable to parse param '${name}': `, parse);
}

/** Runs `parse` and puts `prefix` before what it refuses. */
export function within<T>(prefix: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SpoorError) throw refuse(prefix + error.message);
    throw error;
  }
}

export function refuse(message: string): SpoorError {
  return new SpoorError("bad-input", message);
}
