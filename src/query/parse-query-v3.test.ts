// Each parameter of /api/v3 in both spellings, and the text about each mistake.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMIT_MAX } from "../model/trace-query.ts";
import {
  parseDependenciesV3,
  parseOperationsV3,
  parseTraceSearchV3,
  parseTraceV3,
} from "./parse-query-v3.ts";

const MIN = "2023-11-14T22:13:20Z";
const MAX = "2023-11-14T22:13:21.5Z";
const range = `query.startTimeMin=${MIN}&query.startTimeMax=${MAX}`;
const plain = {
  startUsMin: 1_700_000_000_000_000,
  startUsMax: 1_700_000_001_500_000,
  attributes: [],
  limit: 100,
};

const search = (query: string): unknown => parseTraceSearchV3(new URLSearchParams(query));
const trace = (query: string): unknown => parseTraceV3("1", new URLSearchParams(query));
const links = (query: string): unknown => parseDependenciesV3(new URLSearchParams(query));

const searches: readonly (readonly [string, object, boolean?])[] = [
  [range, {}],
  [`query.start_time_min=${MIN}&query.start_time_max=${MAX}`, {}],
  [
    `${range}&query.serviceName=a&query.operationName=b&query.searchDepth=7&query.rawTraces=true` +
      "&query.durationMin=1s&query.durationMax=2s",
    { service: "a", operation: "b", limit: 7, durationNsMin: 1e9, durationNsMax: 2e9 },
    true,
  ],
  [
    `${range}&query.service_name=a&query.operation_name=b&query.search_depth=7&query.raw_traces=1` +
      "&query.duration_min=1s&query.duration_max=2s",
    { service: "a", operation: "b", limit: 7, durationNsMin: 1e9, durationNsMax: 2e9 },
    true,
  ],
  [`${range}&query.num_traces=7`, { limit: 7 }],
  [`${range}&query.searchDepth=0`, {}],
  [`${range}&query.searchDepth=4294967295`, { limit: LIMIT_MAX }],
  [
    `${range}&query.attributes={"http.status_code":"200","error":"true"}`,
    {
      attributes: [
        { key: "http.status_code", value: "200" },
        { key: "error", value: "true" },
      ],
    },
  ],
];
for (const [query, expected, raw = false] of searches) {
  test(`parseTraceSearchV3() reads ${query}`, () => {
    assert.deepEqual(search(query), {
      query: { ...plain, ...expected },
      isPaged: false,
      raw,
    });
  });
}

test("parseTraceV3() reads an id, and times only to check them", () => {
  const { id, raw } = parseTraceV3("1f", new URLSearchParams(`startTime=${MIN}&raw_traces=true`));
  assert.equal(Buffer.from(id).toString("hex"), "0000000000000000000000000000001f");
  assert.equal(raw, true);
});

test("parseOperationsV3() reads both spellings", () => {
  const read = (query: string): unknown => parseOperationsV3(new URLSearchParams(query));
  assert.deepEqual(read("service=a&spanKind=server"), { service: "a", kind: "server" });
  assert.deepEqual(read("service=a&span_kind=server"), { service: "a", kind: "server" });
  assert.deepEqual(read(""), { service: "", kind: "" });
});

test("parseDependenciesV3() reads both spellings", () => {
  const expected = { startUsMin: plain.startUsMin, startUsMax: plain.startUsMax };
  assert.deepEqual(links(`startTime=${MIN}&endTime=${MAX}`), expected);
  assert.deepEqual(links(`start_time=${MIN}&end_time=${MAX}`), expected);
});

const layout = '"2006-01-02T15:04:05.999999999Z07:00"';
const badTime = `parsing time "x" as ${layout}: cannot parse "x" as "2006"`;
const bool = 'strconv.ParseBool: parsing "x": invalid syntax';
const uint = 'strconv.ParseUint: parsing "x": invalid syntax';
const required = "query.start_time_min and query.start_time_max are required";
const refusals: readonly (readonly [(query: string) => unknown, string, string, string?])[] = [
  [search, "", required],
  [search, `query.startTimeMin=${MIN}`, required],
  [search, `query.startTimeMax=${MAX}`, required],
  [
    search,
    `query.startTimeMin=x&query.startTimeMax=${MAX}`,
    `malformed parameter query.startTimeMin: ${badTime}`,
  ],
  [
    search,
    `query.start_time_min=${MIN}&query.start_time_max=x`,
    `malformed parameter query.start_time_max: ${badTime}`,
  ],
  [search, `${range}&query.searchDepth=x`, `malformed parameter query.searchDepth: ${uint}`],
  [search, `${range}&query.search_depth=x`, `malformed parameter query.search_depth: ${uint}`],
  [search, `${range}&query.num_traces=x`, `malformed parameter query.num_traces: ${uint}`],
  [
    search,
    `${range}&query.durationMin=5`,
    'malformed parameter query.durationMin: time: missing unit in duration "5"',
  ],
  [
    search,
    `${range}&query.duration_max=5`,
    'malformed parameter query.duration_max: time: missing unit in duration "5"',
  ],
  [search, `${range}&query.rawTraces=x`, `malformed parameter query.rawTraces: ${bool}`],
  [
    search,
    `${range}&query.attributes=[]`,
    "malformed parameter query.attributes: json: cannot unmarshal array into Go value of type map[string]string",
  ],
  [search, `${range}&query.filter={}`, "query.filter is not supported", "unsupported"],
  [
    search,
    `${range}&query.pagination.pageToken=x`,
    "query.pagination.pageToken is not supported",
    "unsupported",
  ],
  [
    (id) => parseTraceV3(id, new URLSearchParams()),
    "xyz",
    'malformed parameter trace_id: strconv.ParseUint: parsing "xyz": invalid syntax',
  ],
  [trace, "startTime=x", `malformed parameter startTime: ${badTime}`],
  [trace, "end_time=x", `malformed parameter end_time: ${badTime}`],
  [trace, "rawTraces=x", `malformed parameter rawTraces: ${bool}`],
  [links, "", "malformed parameter startTime: startTime is required"],
  [links, `start_time=${MIN}`, "malformed parameter endTime: endTime is required"],
  [links, `startTime=x&endTime=${MAX}`, `malformed parameter startTime: ${badTime}`],
  [
    links,
    `startTime=${MIN}&endTime=${MIN}`,
    "malformed parameter endTime: endTime must be after startTime",
  ],
];
for (const [parse, query, message, code = "bad-input"] of refusals) {
  test(`parse refuses ${query || "nothing"}`, () => {
    assert.throws(() => parse(query), { code, message });
  });
}
