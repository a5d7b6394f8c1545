// What an OTLP receiver answers: how much it took, or why it took nothing; protobuf and JSON.
//
//   ExportTraceServiceResponse { 1 partial_success { 1 rejected_spans: int64 · 2 error_message } }
//   google.rpc.Status          { 1 code: int32 · 2 message }
//
//   {"partialSuccess":{}}      {"partialSuccess":{"rejectedSpans":"2","errorMessage":"…"}}
//   {"code":3,"message":"…"}
//
// Source: opentelemetry-proto 1.x, collector/trace/v1/trace_service.proto; OTLP 1.x §"OTLP/HTTP
// Response"; google/rpc/status.proto; JSON as protojson writes it (int64 as a string).
// Trust: the texts are ours; what a receiver answers us is a peer's. Not here: which status a failure has (net/status.ts).

import { SpoorError } from "../base/errors.ts";
import type { Rejected } from "./otlp-proto.ts";
import { LENGTH, ProtobufReader, VARINT, fieldTag } from "./protobuf-reader.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

/** The answer to spans of which some, or none, were rejected. */
export function writeExportAnswer(rejected: Rejected): Uint8Array {
  if (rejected.spans === 0) return new Uint8Array(0);
  const writer = new ProtobufWriter();
  const partial = writer.open(fieldTag(1, LENGTH));
  writer.writeVarint(fieldTag(1, VARINT));
  writer.writeVarint(rejected.spans);
  writer.writeText(fieldTag(2, LENGTH), rejected.message);
  writer.close(partial);
  return writer.take();
}

export function writeExportAnswerJson(rejected: Rejected): string {
  if (rejected.spans === 0) return '{"partialSuccess":{}}';
  const { spans, message } = rejected;
  return JSON.stringify({
    partialSuccess: { rejectedSpans: String(spans), errorMessage: message },
  });
}

/** What a receiver says of the spans that it was sent. @throws SpoorError `bad-input`. */
export function readExportAnswer(payload: Uint8Array): Rejected {
  const reader = new ProtobufReader();
  let spans = 0;
  let message = "";
  reader.begin(payload);
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag !== fieldTag(1, LENGTH)) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    for (let own = reader.nextTag(); own !== 0; own = reader.nextTag()) {
      if (own === fieldTag(1, VARINT)) spans = reader.readInt64();
      else if (own === fieldTag(2, LENGTH)) {
        const end = reader.readEnd();
        message = new TextDecoder().decode(reader.bytes.subarray(reader.at, end));
        reader.at = end;
      } else reader.skip(own);
    }
    reader.leave(outer);
  }
  return { spans, message };
}

/** As `readExportAnswer`, of JSON. @throws SpoorError `bad-input` if it is none. */
export function readExportAnswerJson(payload: Uint8Array): Rejected {
  let answer: unknown;
  try {
    answer = JSON.parse(new TextDecoder().decode(payload));
  } catch (error) {
    throw new SpoorError("bad-input", "the answer is no JSON", {}, error);
  }
  const partial = fieldOf(answer, "partialSuccess");
  const spans = Number(fieldOf(partial, "rejectedSpans") ?? 0);
  const message = fieldOf(partial, "errorMessage");
  return {
    spans: Number.isSafeInteger(spans) ? spans : 0,
    message: typeof message === "string" ? message : "",
  };
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

/** @param code a gRPC status code. */
export function writeRpcStatus(code: number, message: string): Uint8Array {
  const writer = new ProtobufWriter();
  writer.writeVarint(fieldTag(1, VARINT));
  writer.writeVarint(code);
  writer.writeText(fieldTag(2, LENGTH), message);
  return writer.take();
}

export function writeRpcStatusJson(code: number, message: string): string {
  return JSON.stringify({ code, message });
}
