// Status of a Zipkin v1 span, which may be told in four ways, the strongest first.
//
//   census.status_code      0 is OK, any other number ERROR      census.status_description
//   otel.status_code        OTLP's number, or its name           otel.status_description
//   error                   ERROR, whatever it says
//   http.status_code        below 100 or from 400: ERROR         http.status_message
//
// Source: the OpenTelemetry collector's converter of Zipkin v1. Better than there: names of codes
// are understood, and the text of `error` stays a tag (as it does for Zipkin v2).
// Not here: the other binary annotations (zipkin-v1.ts), Zipkin v2 (zipkin-span.ts).

import { BOOL, INT, STRING } from "../model/attribute-table.ts";
import type { Dictionary } from "../model/dictionary.ts";
import { STATUS_ERROR, STATUS_OK, STATUS_UNSET } from "../model/span-batch.ts";
import type { ZipkinV1BinaryAnnotation } from "./zipkin-v1.ts";

/** `message` is an entry of the dictionary. */
export interface ZipkinV1Status {
  readonly code: number;
  readonly message: number;
}

/** Names of OTLP's status codes, in capitals; exporters of every age write one or the other. */
const CODES: ReadonlyMap<string, number> = new Map([
  ["UNSET", STATUS_UNSET],
  ["OK", STATUS_OK],
  ["ERROR", STATUS_ERROR],
  ["STATUS_CODE_UNSET", STATUS_UNSET],
  ["STATUS_CODE_OK", STATUS_OK],
  ["STATUS_CODE_ERROR", STATUS_ERROR],
]);

/** STATUS_… for the text of a tag `otel.status_code`, in any case; UNSET for one we do not know. */
export function parseStatusCode(text: string): number {
  return CODES.get(text.toUpperCase()) ?? STATUS_UNSET;
}

/** The status that these tags tell, and its text. */
export function findStatus(
  tags: readonly ZipkinV1BinaryAnnotation[],
  dictionary: Dictionary,
): ZipkinV1Status {
  const last = new Map(tags.map((tag) => [dictionary.text(tag.key), tag]));
  const number = (key: string): number | undefined => numberOf(last.get(key), dictionary);
  const text = (key: string): number => textOf(last.get(key));
  const census = number("census.status_code");
  const censusText = text("census.status_description") || text("opencensus.status_description");
  if (census !== undefined) {
    return { code: census === 0 ? STATUS_OK : STATUS_ERROR, message: censusText };
  }
  const otelText = text("otel.status_description");
  const otel = last.get("otel.status_code");
  if (otel !== undefined) return { code: otelCode(otel, dictionary), message: otelText };
  if (last.has("error")) return { code: STATUS_ERROR, message: censusText || otelText };
  const http = number("http.status_code") ?? number("http.response.status_code");
  if (http !== undefined) {
    const code = http >= 100 && http < 400 ? STATUS_UNSET : STATUS_ERROR;
    return { code, message: text("http.status_message") };
  }
  return { code: STATUS_UNSET, message: 0 };
}

/** True if the status says all that this tag says, so that it need not stay a tag. */
export function isStatusTag(
  name: string,
  tag: ZipkinV1BinaryAnnotation,
  dictionary: Dictionary,
): boolean {
  switch (name) {
    case "census.status_code":
    case "census.status_description":
    case "opencensus.status_description":
    case "otel.status_code":
    case "otel.status_description":
      return true;
    case "error":
      if (tag.type === BOOL) return tag.low === 1;
      return tag.type === STRING && dictionary.text(tag.low) === "true";
    default:
      return false;
  }
}

function otelCode(tag: ZipkinV1BinaryAnnotation, dictionary: Dictionary): number {
  const code = numberOf(tag, dictionary);
  if (code !== undefined) return code === STATUS_OK || code === STATUS_ERROR ? code : STATUS_UNSET;
  return tag.type === STRING ? parseStatusCode(dictionary.text(tag.low)) : STATUS_UNSET;
}

/** A whole number within 32 bits, as a number or as text. */
function numberOf(
  tag: ZipkinV1BinaryAnnotation | undefined,
  dictionary: Dictionary,
): number | undefined {
  if (tag?.type === INT) {
    const fits = tag.high === ((tag.low | 0) >> 31) >>> 0;
    return fits ? tag.low | 0 : undefined;
  }
  if (tag?.type !== STRING) return undefined;
  const text = dictionary.text(tag.low);
  return /^[+-]?\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function textOf(tag: ZipkinV1BinaryAnnotation | undefined): number {
  return tag?.type === STRING ? tag.low : 0;
}
