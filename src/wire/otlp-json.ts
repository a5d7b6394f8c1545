// OTLP traces in JSON: ExportTraceServiceRequest and TracesData in protobuf's JSON mapping.
//
//   {"resourceSpans":[{"resource":{…},"schemaUrl":"…","scopeSpans":[{"scope":{…},"spans":[{
//     "traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","kind":2,
//     "startTimeUnixNano":"1544712660000000000","attributes":[{"key":"k","value":{…}}], …
//
// Straight from bytes into columns, as for protobuf (otlp-proto.ts); how names, numbers, ids and null
// are taken says otlp-json-fields.ts.
//
// Source: OTLP 1.x, "JSON Protobuf Encoding"; opentelemetry-proto 1.x, trace/v1/trace.proto.
// Trust: as json-scanner.ts. What is wrong is named by its path and offset. Ids of a wrong length refuse
// the payload; a span without trace id or span id is left out and counted.
// Not here: attributes (otlp-json-value.ts), writing (write-otlp-json.ts).

import { SpoorError } from "../base/errors.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { printJsonPath } from "./json-path.ts";
import {
  END,
  int64,
  makeFields,
  nextField,
  nextItem,
  openList,
  openObject,
  readEnum,
  readId,
  readText,
  readUint32,
  readUint64,
  scanner,
} from "./otlp-json-fields.ts";
import { readAttributes } from "./otlp-json-value.ts";
import { closeSpan, type Rejected, rejectedSpans, restNsOf, usOf } from "./otlp-span.ts";

const TRACES = makeFields(["resourceSpans"]);
const RESOURCE_SPANS = makeFields(["resource", "scopeSpans", "schemaUrl"]);
const RESOURCE = makeFields(["attributes", "droppedAttributesCount"]);
const SCOPE_SPANS = makeFields(["scope", "spans", "schemaUrl"]);
const SCOPE = makeFields(["name", "version", "attributes", "droppedAttributesCount"]);
const SPAN = makeFields([
  "traceId",
  "spanId",
  "traceState",
  "parentSpanId",
  "flags",
  "name",
  "kind",
  "startTimeUnixNano",
  "endTimeUnixNano",
  "attributes",
  "droppedAttributesCount",
  "events",
  "droppedEventsCount",
  "links",
  "droppedLinksCount",
  "status",
]);
const EVENT = makeFields(["timeUnixNano", "name", "attributes", "droppedAttributesCount"]);
const LINK = makeFields([
  "traceId",
  "spanId",
  "traceState",
  "attributes",
  "droppedAttributesCount",
  "flags",
]);
const STATUS = makeFields(["message", "code"]);

const KIND_NAMES = [
  "SPAN_KIND_UNSPECIFIED",
  "SPAN_KIND_INTERNAL",
  "SPAN_KIND_SERVER",
  "SPAN_KIND_CLIENT",
  "SPAN_KIND_PRODUCER",
  "SPAN_KIND_CONSUMER",
];
const STATUS_NAMES = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

/**
 * Appends the spans of an OTLP/JSON payload to `batch`.
 *
 * @returns how many spans were left out because their trace id or span id is missing or zero.
 * @throws SpoorError `bad-input` with offset and path; the batch then holds a part of the payload.
 *
 * Cost: about 4 µs a span of 1,000 bytes with 12 attributes.
 */
export function readOtlpJson(payload: Uint8Array, batch: SpanBatch): Rejected {
  scanner.begin(payload);
  try {
    const spans = readTraces(batch);
    scanner.finish();
    return rejectedSpans(spans);
  } catch (error) {
    if (!(error instanceof SpoorError)) throw error;
    const path = printJsonPath(payload, Number(error.where["offset"] ?? 0));
    throw path === "" ? error : error.within({ path });
  } finally {
    scanner.release();
  }
}

function readTraces(batch: SpanBatch): number {
  let rejected = 0;
  for (let field = openObject(TRACES); field !== END; field = nextField(TRACES)) {
    for (let more = openList(); more; more = nextItem()) rejected += readResourceSpans(batch);
  }
  return rejected;
}

function readResourceSpans(batch: SpanBatch): number {
  let rejected = 0;
  const resource = batch.openResource();
  for (let field = openObject(RESOURCE_SPANS); field !== END; field = nextField(RESOURCE_SPANS)) {
    switch (field) {
      case "resource":
        readResource(batch, resource);
        break;
      case "scopeSpans":
        for (let more = openList(); more; more = nextItem()) {
          rejected += readScopeSpans(batch, resource);
        }
        break;
      case "schemaUrl":
        batch.resourceSchemaUrl[resource] = readText(batch.dictionary);
        break;
      default:
        field satisfies never;
    }
  }
  return rejected;
}

function readResource(batch: SpanBatch, resource: number): void {
  for (let field = openObject(RESOURCE); field !== END; field = nextField(RESOURCE)) {
    if (field === "attributes") readAttributes(batch.resourceAttributes, batch.dictionary);
    else batch.resourceDropped[resource] = readUint32();
  }
  batch.closeResource(resource);
}

function readScopeSpans(batch: SpanBatch, resource: number): number {
  let rejected = 0;
  const scope = batch.openScope();
  for (let field = openObject(SCOPE_SPANS); field !== END; field = nextField(SCOPE_SPANS)) {
    switch (field) {
      case "scope":
        readScope(batch, scope);
        break;
      case "spans":
        for (let more = openList(); more; more = nextItem()) {
          rejected += readSpan(batch, resource, scope);
        }
        break;
      case "schemaUrl":
        batch.scopeSchemaUrl[scope] = readText(batch.dictionary);
        break;
      default:
        field satisfies never;
    }
  }
  return rejected;
}

function readScope(batch: SpanBatch, scope: number): void {
  for (let field = openObject(SCOPE); field !== END; field = nextField(SCOPE)) {
    switch (field) {
      case "name":
        batch.scopeName[scope] = readText(batch.dictionary);
        break;
      case "version":
        batch.scopeVersion[scope] = readText(batch.dictionary);
        break;
      case "attributes":
        readAttributes(batch.scopeAttributes, batch.dictionary);
        break;
      case "droppedAttributesCount":
        batch.scopeDropped[scope] = readUint32();
        break;
      default:
        field satisfies never;
    }
  }
  batch.closeScope(scope);
}

/** @returns 1 if the span was left out. */
function readSpan(batch: SpanBatch, resource: number, scope: number): number {
  const row = batch.openRow(resource, scope);
  let endUs = 0;
  let endRestNs = 0;
  for (let field = openObject(SPAN); field !== END; field = nextField(SPAN)) {
    switch (field) {
      case "traceId":
        readId(batch.traceId, 16 * row, 16);
        break;
      case "spanId":
        readId(batch.spanId, 8 * row, 8);
        break;
      case "parentSpanId":
        readId(batch.parentSpanId, 8 * row, 8);
        break;
      case "startTimeUnixNano":
        readUint64();
        batch.startUs[row] = usOf(int64.low, int64.high);
        batch.startRestNs[row] = restNsOf(int64.low, int64.high);
        break;
      case "endTimeUnixNano":
        readUint64();
        endUs = usOf(int64.low, int64.high);
        endRestNs = restNsOf(int64.low, int64.high);
        break;
      case "attributes":
        readAttributes(batch.spanAttributes, batch.dictionary);
        break;
      case "events":
        for (let more = openList(); more; more = nextItem()) readEvent(batch);
        break;
      case "links":
        for (let more = openList(); more; more = nextItem()) readLink(batch);
        break;
      default:
        readSmallField(batch, row, field);
    }
  }
  return closeSpan(batch, row, endUs, endRestNs);
}

type SmallField =
  | "traceState"
  | "flags"
  | "name"
  | "kind"
  | "droppedAttributesCount"
  | "droppedEventsCount"
  | "droppedLinksCount"
  | "status";

function readSmallField(batch: SpanBatch, row: number, field: SmallField): void {
  switch (field) {
    case "traceState":
      batch.traceState[row] = readText(batch.dictionary);
      break;
    case "flags":
      batch.flags[row] = readUint32();
      break;
    case "name":
      batch.name[row] = readText(batch.dictionary);
      break;
    case "kind":
      batch.kind[row] = readEnum(KIND_NAMES);
      break;
    case "droppedAttributesCount":
      batch.droppedAttributes[row] = readUint32();
      break;
    case "droppedEventsCount":
      batch.droppedEvents[row] = readUint32();
      break;
    case "droppedLinksCount":
      batch.droppedLinks[row] = readUint32();
      break;
    case "status":
      readStatus(batch, row);
      break;
    default:
      field satisfies never;
  }
}

function readStatus(batch: SpanBatch, row: number): void {
  for (let field = openObject(STATUS); field !== END; field = nextField(STATUS)) {
    if (field === "message") batch.statusMessage[row] = readText(batch.dictionary);
    else batch.statusCode[row] = readEnum(STATUS_NAMES);
  }
}

function readEvent(batch: SpanBatch): void {
  const event = batch.openEvent();
  for (let field = openObject(EVENT); field !== END; field = nextField(EVENT)) {
    switch (field) {
      case "timeUnixNano":
        readUint64();
        batch.eventUs[event] = usOf(int64.low, int64.high);
        batch.eventRestNs[event] = restNsOf(int64.low, int64.high);
        break;
      case "name":
        batch.eventName[event] = readText(batch.dictionary);
        break;
      case "attributes":
        readAttributes(batch.eventAttributes, batch.dictionary);
        break;
      case "droppedAttributesCount":
        batch.eventDropped[event] = readUint32();
        break;
      default:
        field satisfies never;
    }
  }
  batch.closeEvent();
}

function readLink(batch: SpanBatch): void {
  const link = batch.openLink();
  for (let field = openObject(LINK); field !== END; field = nextField(LINK)) {
    switch (field) {
      case "traceId":
        readId(batch.linkTraceId, 16 * link, 16);
        break;
      case "spanId":
        readId(batch.linkSpanId, 8 * link, 8);
        break;
      case "traceState":
        batch.linkTraceState[link] = readText(batch.dictionary);
        break;
      case "attributes":
        readAttributes(batch.linkAttributes, batch.dictionary);
        break;
      case "droppedAttributesCount":
        batch.linkDropped[link] = readUint32();
        break;
      case "flags":
        batch.linkFlags[link] = readUint32();
        break;
      default:
        field satisfies never;
    }
  }
  batch.closeLink();
}
