// What of a SpanBatch Jaeger shows, and in which order: the one place that knows, for every writer.
//
//   tags        otel.scope.name, otel.scope.version · attributes · span.kind · otel.status_code ·
//               error · otel.status_description · w3c.tracestate · @jaeger@format
//   references  the parent, CHILD_OF · links, FOLLOWS_FROM unless opentracing.ref_type = child_of
//   log fields  event · attributes of the event
//   process     service.name · the other attributes of the resource
//   warnings    the attribute @jaeger@warnings
//
// A writer visits; nothing is built here. What it is given is a place in the batch or a constant.
//
// Source: opentelemetry-collector-contrib v0.165 pkg/translator/jaeger; Jaeger v1.76 and v2
// internal/jptrace (warnings, format); docs/span-mapping.md is the rule.
// Not here: bytes and text (jaeger-json.ts, the api_v2 writer); the way in (jaeger-tags.ts).

import { ARRAY, type AttributeTable, STRING } from "../model/attribute-table.ts";
import {
  KIND_CLIENT,
  KIND_CONSUMER,
  KIND_INTERNAL,
  KIND_PRODUCER,
  KIND_SERVER,
  ORIGIN_JAEGER_PROTO,
  ORIGIN_JAEGER_THRIFT,
  STATUS_ERROR,
  STATUS_OK,
  type SpanBatch,
} from "../model/span-batch.ts";
import { readTextArray } from "./any-value-text.ts";

/** A tag that is the same wherever it stands. `index` counts them, for a writer's own table. */
export interface ConstantTag {
  readonly index: number;
  readonly key: string;
  readonly value: string | true;
}

/** Tags that come from a column: the key is ours, the value is an entry of the dictionary. */
export const SCOPE_NAME = 0;
export const SCOPE_VERSION = 1;
export const STATUS_TEXT = 2;
export const TRACE_STATE = 3;
export const EVENT_NAME = 4;
/** Their keys, by the constants above. */
export const COLUMN_KEYS: readonly string[] = [
  "otel.scope.name",
  "otel.scope.version",
  "otel.status_description",
  "w3c.tracestate",
  "event",
];

/** Every constant tag there is, `CONSTANT_TAGS[i].index === i`. */
export const CONSTANT_TAGS: readonly ConstantTag[] = (
  [
    ["span.kind", "internal"],
    ["span.kind", "server"],
    ["span.kind", "client"],
    ["span.kind", "producer"],
    ["span.kind", "consumer"],
    ["otel.status_code", "OK"],
    ["otel.status_code", "ERROR"],
    ["error", true],
    ["@jaeger@format", "jaeger"],
    ["@jaeger@format", "proto"],
  ] as const
).map(([key, value], index) => ({ index, key, value }));

const KIND_TAGS: Readonly<Record<number, ConstantTag>> = {
  [KIND_INTERNAL]: CONSTANT_TAGS[0]!,
  [KIND_SERVER]: CONSTANT_TAGS[1]!,
  [KIND_CLIENT]: CONSTANT_TAGS[2]!,
  [KIND_PRODUCER]: CONSTANT_TAGS[3]!,
  [KIND_CONSUMER]: CONSTANT_TAGS[4]!,
};
const STATUS_OK_TAG = CONSTANT_TAGS[5]!;
const STATUS_ERROR_TAG = CONSTANT_TAGS[6]!;
const ERROR_TAG = CONSTANT_TAGS[7]!;
const FORMAT_TAGS: Readonly<Record<number, ConstantTag>> = {
  [ORIGIN_JAEGER_THRIFT]: CONSTANT_TAGS[8]!,
  [ORIGIN_JAEGER_PROTO]: CONSTANT_TAGS[9]!,
};

/** What Jaeger calls a process whose resource says nothing at all. */
export const NO_SERVICE_NAME = "OTLPResourceNoServiceName";

/** Takes tags (of a span, a log or a process) in the order in which Jaeger shows them. */
export interface JaegerTagVisitor {
  /**
   * Attribute `at` of `table`. EMPTY is shown as the empty string, ARRAY and MAP as their JSON text
   * (printAnyValues), the others as Jaeger's type of that name.
   */
  attribute(table: AttributeTable, at: number): void;
  /** A string tag with the key `COLUMN_KEYS[column]`; its value is dictionary entry `value`. */
  column(column: number, value: number): void;
  constant(tag: ConstantTag): void;
}

/** Takes references; ids are 16 and 8 bytes at these offsets of these columns. */
export interface JaegerReferenceVisitor {
  reference(
    traceIds: Uint8Array,
    traceAt: number,
    spanIds: Uint8Array,
    spanAt: number,
    isFollowsFrom: boolean,
  ): void;
}

const encoder = new TextEncoder();
const SERVICE_NAME = encoder.encode("service.name");
const WARNINGS = encoder.encode("@jaeger@warnings");
const EVENT = encoder.encode("event");
const REF_TYPE = encoder.encode("opentracing.ref_type");
const CHILD_OF = encoder.encode("child_of");

/** How one batch is shown. Make it after the batch is complete; cost: six look-ups. */
export class JaegerView {
  readonly batch: SpanBatch;
  readonly #serviceKey: number;
  readonly #warningsKey: number;
  readonly #eventKey: number;
  readonly #refTypeKey: number;
  readonly #childOf: number;

  constructor(batch: SpanBatch) {
    const { dictionary } = batch;
    this.batch = batch;
    this.#serviceKey = dictionary.find(SERVICE_NAME);
    this.#warningsKey = dictionary.find(WARNINGS);
    this.#eventKey = dictionary.find(EVENT);
    this.#refTypeKey = dictionary.find(REF_TYPE);
    this.#childOf = dictionary.find(CHILD_OF);
  }

  visitTags(row: number, visitor: JaegerTagVisitor): void {
    const batch = this.batch;
    const scope = batch.scope[row]!;
    if (scope < batch.scopes) {
      if (batch.scopeName[scope] !== 0) visitor.column(SCOPE_NAME, batch.scopeName[scope]!);
      if (batch.scopeVersion[scope] !== 0) {
        visitor.column(SCOPE_VERSION, batch.scopeVersion[scope]!);
      }
    }
    const table = batch.spanAttributes;
    const end = batch.attributeStart[row + 1]!;
    for (let at = batch.attributeStart[row]!; at < end; at++) {
      if (!this.#isWarning(table, at)) visitor.attribute(table, at);
    }
    const kind = KIND_TAGS[batch.kind[row]!];
    if (kind !== undefined) visitor.constant(kind);
    const status = batch.statusCode[row];
    if (status === STATUS_ERROR) {
      visitor.constant(STATUS_ERROR_TAG);
      visitor.constant(ERROR_TAG);
    } else if (status === STATUS_OK) {
      visitor.constant(STATUS_OK_TAG);
    }
    if (batch.statusMessage[row] !== 0) visitor.column(STATUS_TEXT, batch.statusMessage[row]!);
    if (batch.traceState[row] !== 0) visitor.column(TRACE_STATE, batch.traceState[row]!);
    const format = FORMAT_TAGS[batch.origin[row]!];
    if (format !== undefined) visitor.constant(format);
  }

  visitLogFields(event: number, visitor: JaegerTagVisitor): void {
    const batch = this.batch;
    const table = batch.eventAttributes;
    const start = batch.eventAttributeStart[event]!;
    const end = batch.eventAttributeStart[event + 1]!;
    const name = batch.eventName[event]!;
    if (name !== 0 && (this.#eventKey < 0 || table.find(this.#eventKey, start, end) < 0)) {
      visitor.column(EVENT_NAME, name);
    }
    for (let at = start; at < end; at++) visitor.attribute(table, at);
  }

  visitProcessTags(resource: number, visitor: JaegerTagVisitor): void {
    const batch = this.batch;
    const table = batch.resourceAttributes;
    const end = batch.resourceAttributeEnd[resource]!;
    let isNamed = false;
    for (let at = batch.resourceAttributeStart[resource]!; at < end; at++) {
      if (!isNamed && table.key[at] === this.#serviceKey && table.type[at] === STRING) {
        isNamed = true;
      } else {
        visitor.attribute(table, at);
      }
    }
  }

  /**
   * Entry of the process's service name; 0, the empty string, if the resource has none; -1 if it
   * has no attribute at all, which Jaeger shows as NO_SERVICE_NAME.
   */
  serviceName(resource: number): number {
    const batch = this.batch;
    const table = batch.resourceAttributes;
    const start = batch.resourceAttributeStart[resource]!;
    const end = batch.resourceAttributeEnd[resource]!;
    if (start === end) return -1;
    for (let at = start; at < end; at++) {
      if (table.key[at] === this.#serviceKey && table.type[at] === STRING) {
        return table.words[2 * at]!;
      }
    }
    return 0;
  }

  visitReferences(row: number, visitor: JaegerReferenceVisitor): void {
    const batch = this.batch;
    const first = batch.linkStart[row]!;
    const end = batch.linkStart[row + 1]!;
    const hasParent = !isZero(batch.parentSpanId, 8 * row, 8);
    if (hasParent) {
      // A link to the parent says which kind of reference it is.
      let isFollowsFrom = false;
      for (let link = first; link < end; link++) {
        if (this.#isParent(row, link)) isFollowsFrom = this.#isFollowsFrom(link);
      }
      visitor.reference(batch.traceId, 16 * row, batch.parentSpanId, 8 * row, isFollowsFrom);
    }
    for (let link = first; link < end; link++) {
      if (hasParent && this.#isParent(row, link)) continue;
      const isFollowsFrom = this.#isFollowsFrom(link);
      visitor.reference(batch.linkTraceId, 16 * link, batch.linkSpanId, 8 * link, isFollowsFrom);
    }
  }

  /** The warnings of the row, oldest first; mostly none. */
  warnings(row: number): readonly string[] {
    if (this.#warningsKey < 0) return NONE;
    const { dictionary, spanAttributes: table, attributeStart } = this.batch;
    const end = attributeStart[row + 1]!;
    let found: string[] | undefined;
    for (let at = attributeStart[row]!; at < end; at++) {
      if (!this.#isWarning(table, at)) continue;
      const entry = table.words[2 * at]!;
      found ??= [];
      if (table.type[at] === STRING) found.push(dictionary.text(entry));
      else for (const text of readTextArray(dictionary.bytes(entry))) found.push(text);
    }
    return found ?? NONE;
  }

  /** The flags that Jaeger's own formats show; 0 for spans that came in another one. */
  flags(row: number): number {
    const origin = this.batch.origin[row];
    const isJaeger = origin === ORIGIN_JAEGER_THRIFT || origin === ORIGIN_JAEGER_PROTO;
    return isJaeger ? this.batch.flags[row]! : 0;
  }

  #isWarning(table: AttributeTable, at: number): boolean {
    if (table.key[at] !== this.#warningsKey) return false;
    return table.type[at] === ARRAY || table.type[at] === STRING;
  }

  #isParent(row: number, link: number): boolean {
    const batch = this.batch;
    return (
      equals(batch.linkSpanId, 8 * link, batch.parentSpanId, 8 * row, 8) &&
      equals(batch.linkTraceId, 16 * link, batch.traceId, 16 * row, 16)
    );
  }

  #isFollowsFrom(link: number): boolean {
    if (this.#refTypeKey < 0) return true;
    const { linkAttributes: table, linkAttributeStart } = this.batch;
    const end = linkAttributeStart[link + 1]!;
    const at = table.find(this.#refTypeKey, linkAttributeStart[link]!, end);
    return at < 0 || table.type[at] !== STRING || table.words[2 * at] !== this.#childOf;
  }
}

const NONE: readonly string[] = [];

/** True if the `length` bytes at `at` are all zero: an id that is none. */
export function isZero(bytes: Uint8Array, at: number, length: number): boolean {
  for (let end = at + length; at < end; at++) if (bytes[at] !== 0) return false;
  return true;
}

function equals(a: Uint8Array, at: number, b: Uint8Array, from: number, length: number): boolean {
  for (let end = at + length; at < end; at++, from++) if (a[at] !== b[from]) return false;
  return true;
}
