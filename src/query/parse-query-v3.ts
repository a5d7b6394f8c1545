// Parameters of /api/v3/* as the store's questions.
//
//   query.serviceName=shop&query.startTimeMin=2026-01-02T03:04:05Z&…  ─▶  TraceQuery
//
// Each name may be written in camelCase or in snake_case; a mistake is told with the name that was
// used. An empty value counts as none.
// Source: Jaeger's apiv3 gateway (v1.76 to v2.20): names, defaults, texts.
// `filter` and `cursor` are ours, as in /api.
// Trust: parameters are the peer's. A structured filter and pages are refused, never ignored: that
// would answer more than was asked.

import { parseDurationNs } from "../base/duration.ts";
import { SpoorError } from "../base/errors.ts";
import type { TimeRange, TraceQuery } from "../model/trace-query.ts";
import { parseStringMap } from "./go-json.ts";
import { parseGoBool, parseGoUint32, parseRfc3339Us } from "./go-values.ts";
import { parseFilters } from "./parse-filter.ts";
import { LIMIT_DEFAULT, boundLimit, parsePage, refuse, within } from "./parse-query.ts";
import { parseTraceId } from "./parse-trace-id.ts";

const REFUSED = ["query.filter", "query.pagination.pageSize", "query.pagination.pageToken"];

/** @throws SpoorError `bad-input`; `unsupported` for what only newer servers can. */
export function parseTraceSearchV3(params: URLSearchParams): {
  readonly query: TraceQuery;
  /** The answer shall say where the next page begins. */
  readonly isPaged: boolean;
  readonly raw: boolean;
} {
  for (const name of REFUSED) {
    if (params.get(name)) throw new SpoorError("unsupported", `${name} is not supported`);
  }
  const service = read(params, "query.serviceName")[0];
  const operation = read(params, "query.operationName")[0];
  const attributes = params.get("query.attributes") ?? "";
  const conditions =
    attributes === ""
      ? []
      : [...parse("query.attributes", () => parseStringMap(attributes))].map(([key, value]) => ({
          key,
          value,
        }));
  const [timeMin, minName] = read(params, "query.startTimeMin");
  const [timeMax, maxName] = read(params, "query.startTimeMax");
  if (timeMin === "" || timeMax === "") {
    throw refuse("query.start_time_min and query.start_time_max are required");
  }
  const startUsMin = parse(minName, () => parseRfc3339Us(timeMin));
  const startUsMax = parse(maxName, () => parseRfc3339Us(timeMax));
  const limit = parseDepth(params);
  const durationNsMin = parseDuration(params, "query.durationMin");
  const durationNsMax = parseDuration(params, "query.durationMax");
  const [raw, rawName] = read(params, "query.rawTraces");
  const { isPaged, after } = parsePage(params);
  const query: TraceQuery = {
    ...(service === "" ? {} : { service }),
    ...(operation === "" ? {} : { operation }),
    startUsMin,
    startUsMax,
    ...(durationNsMin === 0 ? {} : { durationNsMin }),
    ...(durationNsMax === 0 ? {} : { durationNsMax }),
    attributes: [...conditions, ...parseFilters(params.getAll("filter"))],
    limit,
    ...(after === undefined ? {} : { after }),
  };
  return { query, isPaged, raw: raw !== "" && parse(rawName, () => parseGoBool(raw)) };
}

function parseDepth(params: URLSearchParams): number {
  const [depth, name] = read(params, "query.searchDepth");
  const old = params.get("query.num_traces") ?? "";
  if (depth !== "") return boundLimit(parse(name, () => parseGoUint32(depth)) || LIMIT_DEFAULT);
  if (old === "") return LIMIT_DEFAULT;
  return boundLimit(parse("query.num_traces", () => parseGoUint32(old)) || LIMIT_DEFAULT);
}

/** What /api/v3/traces/{id} may ask; times are only looked at for mistakes. */
export function parseTraceV3(
  id: string,
  params: URLSearchParams,
): { readonly id: Uint8Array; readonly raw: boolean } {
  const traceId = parse("trace_id", () => parseTraceId(id));
  for (const name of ["startTime", "endTime"]) {
    const [text, used] = read(params, name);
    if (text !== "") parse(used, () => parseRfc3339Us(text));
  }
  const [raw, used] = read(params, "rawTraces");
  return { id: traceId, raw: raw !== "" && parse(used, () => parseGoBool(raw)) };
}

export function parseOperationsV3(params: URLSearchParams): {
  readonly service: string;
  readonly kind: string;
} {
  return { service: params.get("service") ?? "", kind: read(params, "spanKind")[0] };
}

export function parseDependenciesV3(params: URLSearchParams): TimeRange {
  const times = ["startTime", "endTime"].map((name) => {
    const text = read(params, name)[0];
    if (text === "") throw refuse(`malformed parameter ${name}: ${name} is required`);
    return parse(name, () => parseRfc3339Us(text));
  });
  const [startUsMin = 0, startUsMax = 0] = times;
  if (startUsMax <= startUsMin) {
    throw refuse("malformed parameter endTime: endTime must be after startTime");
  }
  return { startUsMin, startUsMax };
}

/** ns; 0 = not asked. */
function parseDuration(params: URLSearchParams, camel: string): number {
  const [text, name] = read(params, camel);
  return text === "" ? 0 : parse(name, () => parseDurationNs(text));
}

/** The value of a parameter, and the name under which it was found. */
function read(params: URLSearchParams, camel: string): readonly [value: string, name: string] {
  const value = params.get(camel) ?? "";
  if (value !== "") return [value, camel];
  const snake = camel.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return [params.get(snake) ?? "", snake];
}

function parse<T>(name: string, parser: () => T): T {
  return within(`malformed parameter ${name}: `, parser);
}
