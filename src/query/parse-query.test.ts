// Each parameter of /api, its default, and the text about each mistake.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMIT_MAX } from "../model/trace-query.ts";
import {
  boundLimit,
  boundSeries,
  parseDependencies,
  parseQuantile,
  parseSeries,
  parseTraceParams,
  parseTraceSearch,
  within,
} from "./parse-query.ts";
import { SpoorError } from "../base/errors.ts";

const NOW_US = 1_700_000_000_000_000;
const DAY_US = 86_400e6;
const search = (query: string): unknown => parseTraceSearch(new URLSearchParams(query), NOW_US);
const trace = (query: string): unknown => parseTraceParams(new URLSearchParams(query));
const links = (query: string): unknown => parseDependencies(new URLSearchParams(query), NOW_US);
const series = (query: string): unknown => parseSeries(new URLSearchParams(query), NOW_US);
const quantile = (query: string): unknown => parseQuantile(new URLSearchParams(query));

const plain = {
  service: "a",
  startUsMin: NOW_US - 2 * DAY_US,
  startUsMax: NOW_US,
  attributes: [],
  limit: 100,
};

const searches: readonly (readonly [string, object])[] = [
  ["service=a", {}],
  ["service=a&operation=&start=&end=&limit=&minDuration=&maxDuration=&raw=", {}],
  ["service=a&operation=GET+%2F", { operation: "GET /" }],
  ["service=a&start=1&end=2", { startUsMin: 1, startUsMax: 2 }],
  ["service=a&start=5&end=2", { startUsMin: 5, startUsMax: 2 }],
  ["service=a&limit=20", { limit: 20 }],
  ["service=a&limit=0", { limit: LIMIT_MAX }],
  ["service=a&limit=-1", { limit: LIMIT_MAX }],
  ["service=a&limit=99999999", { limit: LIMIT_MAX }],
  [
    "service=a&minDuration=1.5ms&maxDuration=1h2m",
    { durationNsMin: 1.5e6, durationNsMax: 3_720e9 },
  ],
  ["service=a&minDuration=5µs&maxDuration=5us", { durationNsMin: 5e3, durationNsMax: 5e3 }],
  [
    "service=a&tag=k:v:w&tag=x:",
    {
      attributes: [
        { key: "k", value: "v:w" },
        { key: "x", value: "" },
      ],
    },
  ],
  [
    'service=a&tag=k:1&tags={"k":"2","l":"3"}',
    {
      attributes: [
        { key: "k", value: "2" },
        { key: "l", value: "3" },
      ],
    },
  ],
  ["service=a&lookback=whatever", {}],
];
for (const [query, expected] of searches) {
  test(`parseTraceSearch() reads ${query}`, () => {
    const rest = { ids: [], isPaged: false, raw: false };
    assert.deepEqual(search(query), { query: { ...plain, ...expected }, ...rest });
  });
}

test("parseTraceSearch() reads ids instead of a service", () => {
  const found = parseTraceSearch(new URLSearchParams("traceID=1&traceID=Ff&raw=true"), NOW_US);
  assert.deepEqual(
    found.ids.map((id) => Buffer.from(id).toString("hex")),
    ["00000000000000000000000000000001", "000000000000000000000000000000ff"],
  );
  assert.equal(found.raw, true);
});

test("boundLimit() keeps between 1 and the maximum", () => {
  assert.deepEqual([-5, 0, 1, LIMIT_MAX + 1].map(boundLimit), [LIMIT_MAX, LIMIT_MAX, 1, LIMIT_MAX]);
});

test("parseDependencies() reads ms", () => {
  const day = { startUsMin: NOW_US - DAY_US, startUsMax: NOW_US };
  assert.deepEqual(links(""), { range: day, service: "" });
  assert.deepEqual(links("endTs=5000&lookback=2000&service=a"), {
    range: { startUsMin: 3_000_000, startUsMax: 5_000_000 },
    service: "a",
  });
});

test("parseSeries() reads ms and kinds", () => {
  const defaults = {
    services: ["a"],
    kinds: [2],
    byOperation: false,
    endUs: NOW_US,
    lookbackUs: 3_600e6,
    stepUs: 5e6,
    windowUs: 600e6,
  };
  assert.deepEqual(series("service=a"), defaults);
  assert.deepEqual(
    series(
      "service=a&service=b&groupByOperation=true&spanKind=client&spanKind=unspecified" +
        "&endTs=1000&lookback=100&step=10&ratePer=20",
    ),
    {
      services: ["a", "b"],
      kinds: [3, 0],
      byOperation: true,
      endUs: 1e6,
      lookbackUs: 1e5,
      stepUs: 1e4,
      windowUs: 2e4,
    },
  );
  assert.equal(quantile("quantile=0.95"), 0.95);
});

const x = 'strconv.ParseInt: parsing "x": invalid syntax';
const refusals: readonly (readonly [(query: string) => unknown, string, string])[] = [
  [search, "", "parameter 'service' is required"],
  [search, "operation=a", "parameter 'service' is required"],
  [search, "service=a&start=x", `unable to parse param 'start': ${x}`],
  [search, "service=a&end=x", `unable to parse param 'end': ${x}`],
  [search, "start=x&end=y&limit=z", `unable to parse param 'start': ${x}`],
  [search, "service=a&limit=abc", 'strconv.ParseInt: parsing "abc": invalid syntax'],
  [
    search,
    "service=a&limit=9999999999",
    'strconv.ParseInt: parsing "9999999999": value out of range',
  ],
  [
    search,
    "service=a&minDuration=5",
    "unable to parse param 'minDuration': time: missing unit in duration \"5\"",
  ],
  [
    search,
    "service=a&maxDuration=5x",
    'unable to parse param \'maxDuration\': time: unknown unit "x" in duration "5x"',
  ],
  [
    search,
    "service=a&minDuration=2s&maxDuration=1s",
    "'maxDuration' should be greater than 'minDuration'",
  ],
  [search, "service=a&tag=k", "malformed 'tag' parameter, expecting key:value, received: k"],
  [
    search,
    "service=a&tags=k:v",
    "malformed 'tags' parameter, cannot unmarshal JSON: invalid character 'k' looking for beginning of value",
  ],
  [
    search,
    'service=a&tags={"k":1}',
    "malformed 'tags' parameter, cannot unmarshal JSON: json: cannot unmarshal number into Go value of type string",
  ],
  [
    search,
    "traceID=xyz",
    'cannot parse traceID param: strconv.ParseUint: parsing "xyz": invalid syntax',
  ],
  [
    search,
    `traceID=${"1".repeat(33)}`,
    `cannot parse traceID param: TraceID cannot be longer than 32 hex characters: ${"1".repeat(33)}`,
  ],
  [search, "traceID=1&".repeat(1_001), "1001 traceID params, expected at most 1000"],
  [
    search,
    "service=a&raw=maybe",
    "unable to parse param 'raw': strconv.ParseBool: parsing \"maybe\": invalid syntax",
  ],
  [trace, "start=x", `unable to parse param 'start': ${x}`],
  [trace, "end=x", `unable to parse param 'end': ${x}`],
  [trace, "raw=x", "unable to parse param 'raw': strconv.ParseBool: parsing \"x\": invalid syntax"],
  [links, "endTs=x", `unable to parse param 'endTs': ${x}`],
  [links, "lookback=x", `unable to parse param 'lookback': ${x}`],
  [
    quantile,
    "",
    "unable to parse param 'quantile': strconv.ParseFloat: parsing \"\": invalid syntax",
  ],
  [quantile, "quantile=2", "unable to parse param 'quantile': 2 is not within 0 and 1"],
  [quantile, "quantile=NaN", "unable to parse param 'quantile': NaN is not within 0 and 1"],
  [series, "", "unable to parse param 'service': please provide at least one service name"],
  [
    series,
    "service=a&groupByOperation=x",
    "unable to parse param 'groupByOperation': strconv.ParseBool: parsing \"x\": invalid syntax",
  ],
  [
    series,
    "service=a&spanKind=SERVER",
    "unable to parse param 'spanKind': unsupported span kind: 'SERVER'",
  ],
  [series, "service=a&endTs=x", `unable to parse param 'endTs': ${x}`],
  [series, "service=a&lookback=x", `unable to parse param 'lookback': ${x}`],
  [series, "service=a&step=x", `unable to parse param 'step': ${x}`],
  [series, "service=a&ratePer=x", `unable to parse param 'ratePer': ${x}`],
  [series, "service=a&step=0", "'step' and 'ratePer' should be positive, 'lookback' not negative"],
  [series, "service=a&lookback=11000&step=1", "'lookback' has 11001 steps, expected at most 11000"],
  [series, "service=a&".repeat(1_001), "1001 services, expected at most 1000"],
];
for (const [parse, query, message] of refusals) {
  test(`parse refuses ${query.slice(0, 60)}`, () => {
    assert.throws(() => parse(query), { code: "bad-input", message });
  });
}

test("boundSeries() ends charts of whole minutes on a whole minute", () => {
  const query = { ...parseSeries(new URLSearchParams("service=a"), 90e6), stepUs: 120e6 };
  assert.equal(boundSeries({ ...query, endUs: 60e6 + 1 }).endUs, 120e6);
  assert.equal(boundSeries({ ...query, endUs: 120e6 }).endUs, 120e6);
  assert.equal(boundSeries({ ...query, endUs: 60e6 + 1, stepUs: 5e6 }).endUs, 60e6 + 1);
});

test("boundSeries() lets pass what can be drawn", () => {
  const query = parseSeries(new URLSearchParams("service=a&lookback=10999&step=1"), NOW_US);
  assert.equal(boundSeries(query), query);
});

test("within() lets bugs through", () => {
  const bug = new TypeError("bug");
  const run = (error: Error) => () =>
    within("p: ", () => {
      throw error;
    });
  assert.throws(run(bug), bug);
  assert.throws(run(new SpoorError("bad-input", "q")), { message: "p: q" });
});
