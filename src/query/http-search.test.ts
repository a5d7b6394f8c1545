// What Jaeger's API does not have: filters, pages, and what attributes there are; over a socket, on a
// real store.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { START_US, makeTrace } from "../../test/make-trace.ts";
import { openTestQuery, withMethods } from "../../test/open-query.ts";
import { SpoorError } from "../base/errors.ts";
import { KIND_SERVER, STATUS_ERROR, type SpanBatch } from "../model/span-batch.ts";

const TRACES = 7;
const hexOf = (number: number): string => number.toString(16).padStart(32, "0");

/** Trace n of n = 1..7: user u-00n, status 100 * n, one ms later and one ms longer than the one before. */
const traces = Array.from({ length: TRACES }, (_, i): SpanBatch => {
  const n = i + 1;
  return makeTrace({
    traceId: `a${hexOf(n).slice(1)}`,
    id: n,
    service: n % 2 === 0 ? "even" : "odd",
    name: `GET /${n}`,
    kind: KIND_SERVER,
    startUs: START_US + n * 1_000,
    durationNs: n * 1_000_000,
    ...(n === 3 ? { status: STATUS_ERROR } : {}),
    attributes: {
      "user.id": `u-00${n}`,
      "http.status_code": BigInt(100 * n),
      ...(n === 5 ? { 'odd "key"': true } : {}),
    },
  });
});
const query = await openTestQuery([], traces);
after(() => query[Symbol.asyncDispose]());

interface Answer {
  readonly data: readonly { readonly traceID: string }[] | null;
  readonly nextCursor?: string;
}

const numbersOf = ({ data }: Answer): number[] =>
  (data ?? []).map(({ traceID }) => Number.parseInt(traceID.slice(1), 16));

async function search(...params: readonly (readonly [string, string])[]): Promise<Answer> {
  const text = new URLSearchParams(params.map(([name, value]): [string, string] => [name, value]));
  const answer = await query.get(`/api/traces?${text.toString()}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json() as Answer;
}

const filters: readonly (readonly [filters: readonly string[], found: readonly number[]])[] = [
  [["http.status_code>=500"], [7, 6, 5]],
  [
    ["http.status_code >= 500", "user.id != u-006"],
    [7, 5],
  ],
  [["user.id~u-00[12]"], [2, 1]],
  [["user.id!~u-00[1-6]"], [7]],
  [['exists("odd \\"key\\"")'], [5]],
  [
    ["absent(error)", "duration<=3ms"],
    [2, 1],
  ],
  [["error=true"], [3]],
  [["span.name~GET /[67]"], [7, 6]],
  [["duration=4000"], [4]],
  [["user.id>u-005"], [7, 6]],
  [["user.id<u-002"], [1]],
  [["nothing=1"], []],
];
for (const [texts, found] of filters) {
  test(`GET /api/traces?filter= finds ${texts.join(" and ")}`, async () => {
    const answer = await search(...texts.map((text) => ["filter", text] as const));
    assert.deepEqual(numbersOf(answer), found);
    assert.equal("nextCursor" in answer, false);
  });
}

test("GET /api/traces?filter= goes with Jaeger's own parameters", async () => {
  const params = [
    ["filter", "http.status_code>200"],
    ["service", "odd"],
    ["tag", "http.status_code:700"],
  ] as const;
  assert.deepEqual(numbersOf(await search(...params)), [7]);
});

test("GET /api/traces?cursor= walks through all pages, each trace once", async () => {
  for (const limit of [1, 2, 3, TRACES - 1, TRACES, 100]) {
    const found: number[] = [];
    let cursor: string | undefined = "";
    let pages = 0;
    while (cursor !== undefined) {
      const answer: Answer = await search(["cursor", cursor], ["limit", String(limit)]);
      const numbers = numbersOf(answer);
      assert.ok(numbers.length > 0 && numbers.length <= limit);
      found.push(...numbers);
      cursor = answer.nextCursor;
      assert.ok(++pages <= TRACES);
    }
    assert.equal(pages, Math.ceil(TRACES / limit));
    assert.deepEqual(found, [7, 6, 5, 4, 3, 2, 1]);
  }
});

test("GET /api/traces says nothing of pages to who does not ask for them", async () => {
  const answer = await search(["service", "odd"], ["limit", "1"]);
  assert.deepEqual(Object.keys(answer), ["data", "total", "limit", "offset", "errors"]);
});

test("GET /api/v3/traces and trace-summaries take filters and cursors", async () => {
  const time = (us: number): string => new Date(us / 1_000).toISOString();
  const range: [string, string][] = [
    ["query.startTimeMin", time(START_US - 1e6)],
    ["query.startTimeMax", time(START_US + 1e6)],
    ["query.searchDepth", "2"],
    ["filter", "http.status_code>=500"],
  ];
  interface Summaries {
    readonly summaries: readonly { readonly rootOperationName: string }[];
    readonly nextCursor?: string;
  }
  const ask = async (path: string, cursor: string): Promise<unknown> => {
    const params = new URLSearchParams([...range, ["cursor", cursor]]);
    return (await query.get(`/api/v3/${path}?${params.toString()}`)).json();
  };
  const first = (await ask("trace-summaries", "")) as Summaries;
  const names = ({ summaries }: Summaries): string[] =>
    summaries.map(({ rootOperationName }) => rootOperationName);
  assert.deepEqual(names(first), ["GET /7", "GET /6"]);
  const second = (await ask("trace-summaries", first.nextCursor!)) as Summaries;
  assert.deepEqual(names(second), ["GET /5"]);
  assert.equal("nextCursor" in second, false);
  const traces = (await ask("traces", "")) as { result: object; nextCursor: string };
  assert.deepEqual(Object.keys(traces), ["result", "nextCursor"]);
  assert.equal(traces.nextCursor, first.nextCursor);
});

const completions: readonly (readonly [path: string, data: readonly string[]])[] = [
  ["keys?prefix=http", ["http.status_code"]],
  ["keys?prefix=span.", ["span.kind", "span.name"]],
  ["keys?prefix=odd", ['odd "key"']],
  ["keys?prefix=odd&service=even", []],
  ["keys?prefix=zzz", []],
  ["keys?limit=2", ["duration", "error"]],
  ["keys?service=even&limit=2", ["duration", "http.status_code"]],
  ["values?key=user.id&prefix=u-00&limit=2", ["u-001", "u-002"]],
  ["values?key=user.id&service=even", ["u-002", "u-004", "u-006"]],
  ["values?key=http.status_code&prefix=7", ["700"]],
  ["values?key=span.name&prefix=GET%20/6", ["GET /6"]],
  ["values?key=error", ["true"]],
  ["values?key=span.kind", ["server"]],
  ["values?key=nothing", []],
  [`values?key=user.id&end=${START_US - 1}`, []],
];
for (const [path, data] of completions) {
  test(`GET /api/attributes/${path} offers ${data.join(", ") || "nothing"}`, async () => {
    const answer = await query.get(`/api/attributes/${path}`);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json(), {
      data,
      total: data.length,
      limit: 0,
      offset: 0,
      errors: null,
    });
  });
}

const mistakes: readonly (readonly [path: string, msg: string])[] = [
  [
    "traces?filter=a",
    "malformed 'filter' parameter: expected =, !=, <, <=, >, >=, ~ or !~ (offset 1)",
  ],
  [
    "traces?filter=a~(",
    "malformed 'filter' parameter: no regular expression: missing closing ) (offset 2)",
  ],
  ["traces?cursor=x", "malformed 'cursor' parameter: not one of ours"],
  ["attributes/values", "parameter 'key' is required"],
  [
    "attributes/keys?limit=x",
    "unable to parse param 'limit': strconv.ParseInt: parsing \"x\": invalid syntax",
  ],
  [
    "attributes/keys?start=x",
    "unable to parse param 'start': strconv.ParseInt: parsing \"x\": invalid syntax",
  ],
];
for (const [path, msg] of mistakes) {
  test(`GET /api/${path} is refused`, async () => {
    const answer = await query.get(`/api/${path}`);
    assert.equal(answer.status, 400);
    const { errors } = answer.json() as { errors: unknown };
    assert.deepEqual(errors, [{ code: 400, msg }]);
  });
}

test("GET /api/traces?filter= says 501 if the store cannot serve it", async () => {
  const refuse = (): never => {
    throw new SpoorError("unsupported", "this store has no regular expressions");
  };
  await using other = await openTestQuery([], [], {
    wrap: (store) => withMethods(store, { search: refuse, findEach: refuse }),
  });
  for (const params of ["filter=a~b.*", "filter=a~b.*&cursor="]) {
    assert.equal((await other.get(`/api/traces?${params}`)).status, 501);
  }
});
