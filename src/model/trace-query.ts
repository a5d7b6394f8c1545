// What may be asked of a store: which traces, which statistics.
//
// A trace is found if one of its spans meets every condition: never some on one span and the rest on
// another. Times are compared with the start of that span.
//
// Not here: parameters and texts of an API (query/), how an engine finds the spans (store/…).

/**
 * How a condition compares a value with its operand.
 *
 * - `=`: the whole text, case-sensitive; an integer or double too if the operand reads as its number:
 *   `1e3` and `1000.0` both equal 1000. `!=`: a value that does not equal.
 * - `<` `<=` `>` `>=`, if the operand reads as a number: integers, doubles and texts that read as numbers
 *   are compared with it, other values do not meet it, and nothing is less or greater than NaN. If it does
 *   not: the texts of all values, by code point.
 * - `~`: a regular expression of RE2's syntax that has to match the whole text; `!~`: one that does not.
 * - `exists`: any value. `absent`: see AttributeCondition.
 *
 * A number: digits with or without sign, fraction and exponent, or `NaN`, `Inf`, `Infinity`; at most
 * NUMBER_CHARS_MAX characters. Digits alone that fit into 64 bits are compared exactly with integers;
 * everything else as doubles.
 */
export type Operator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~" | "exists" | "absent";

export const OPERATORS: readonly Operator[] = [
  "=",
  "!=",
  "<",
  "<=",
  ">",
  ">=",
  "~",
  "!~",
  "exists",
  "absent",
];

/** Longer texts are no numbers. */
export const NUMBER_CHARS_MAX = 64;

/** The longest regular expression. */
export const PATTERN_CHARS_MAX = 1_000;

/**
 * One condition on an attribute of any level: span, resource, scope, event or link. A span meets it if
 * it carries the key, at whatever level, with a value that compares so: `!=` and `!~` too ask for a value
 * that is there and differs, and of several values one is enough. Only `absent` asks for spans without
 * the key at every level.
 *
 * Columns count as attributes by the names that Jaeger shows them by, where they are set: `error` (true,
 * on spans with that status, never false), `span.kind`, `otel.status_code` (OK, ERROR),
 * `otel.status_description`, `w3c.tracestate`, `otel.scope.name`, `otel.scope.version` (also
 * `otel.library.…`), `event` (the name of each). If an operator is given, also `span.name`, and
 * `duration`: a number of µs, for which the operand may have units (`150ms`). Without an operator, as
 * Jaeger's tags come, these two are attributes like any other.
 */
export interface AttributeCondition {
  readonly key: string;
  /** Left out: `=`. */
  readonly operator?: Operator;
  /**
   * Compared with the attribute's value as text: 503 and "503" both equal `503`, true equals `true`.
   * Bytes are base64, arrays and maps their JSON text (keys sorted), no value is the empty text. Not
   * looked at by `exists` and `absent`.
   */
  readonly value: string;
}

/** A place in the answer of a search: behind this trace. */
export interface Cursor {
  /** Start of the trace's newest matching span, µs. */
  readonly startUs: number;
  /** 16 bytes. */
  readonly traceId: Uint8Array;
}

export interface TraceQuery {
  /** Exact service name; left out: spans of every service. */
  readonly service?: string;
  /** Exact span name. */
  readonly operation?: string;
  /** KIND_… of span-batch.ts. */
  readonly kind?: number;
  /** µs since the Unix epoch, both ends inclusive, compared with the start of the matching span. */
  readonly startUsMin: number;
  readonly startUsMax: number;
  /** ns, both ends inclusive. */
  readonly durationNsMin?: number;
  readonly durationNsMax?: number;
  readonly attributes: readonly AttributeCondition[];
  /** Traces, 1..LIMIT_MAX. */
  readonly limit: number;
  /** Only traces that come after this one in the answer: the next page. */
  readonly after?: Cursor;
}

/** Keys of attributes, for completion while somebody types. */
export interface KeyQuery extends TimeRange {
  /** Only of spans of this service. */
  readonly service?: string;
  readonly prefix: string;
  /** 1..COMPLETIONS_MAX. */
  readonly limit: number;
}

/** Values that a key has, as texts. */
export interface ValueQuery extends KeyQuery {
  readonly key: string;
}

export const COMPLETIONS_MAX = 1_000;

/** The most traces that one search may ask for; what it costs is `limit` whole traces in memory. */
export const LIMIT_MAX = 10_000;

/** Inclusive range of span starts, µs since the Unix epoch. */
export interface TimeRange {
  readonly startUsMin: number;
  readonly startUsMax: number;
}

export interface Operation {
  readonly name: string;
  /** KIND_… */
  readonly kind: number;
}

/** Calls from one service to another, as seen in the stored spans. */
export interface Dependency {
  readonly parent: string;
  readonly child: string;
  readonly callCount: number;
}

/** What is to be counted over time: spans of some services and kinds, in steps. */
export interface SeriesQuery {
  readonly services: readonly string[];
  /** KIND_…; empty: every kind. */
  readonly kinds: readonly number[];
  readonly byOperation: boolean;
  /** The last point; the others stand `stepUs` apart before it, while within `lookbackUs`. */
  readonly endUs: number;
  readonly lookbackUs: number;
  readonly stepUs: number;
  /** Each point counts the spans that started within the `windowUs` before it. */
  readonly windowUs: number;
  /** 0..1: which quantile of the durations a point shall carry. */
  readonly quantile?: number;
}

/** One line of a chart. */
export interface Series {
  readonly service: string;
  readonly operation?: string;
  /** Oldest first; points without calls are there too. */
  readonly points: readonly SeriesPoint[];
}

export interface SeriesPoint {
  /** µs since the Unix epoch. */
  readonly atUs: number;
  readonly calls: number;
  /** Calls with STATUS_ERROR. */
  readonly errors: number;
  /** The asked quantile of the durations; NaN without calls or without a quantile asked. */
  readonly durationNs: number;
}
