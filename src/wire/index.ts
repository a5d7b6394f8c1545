// spoor/wire: the formats of spans, bytes ⇄ SpanBatch, for programs that use the package.
//
// Every reader appends to the batch it is given and throws SpoorError "bad-input" on bytes that are
// not its format.
// Not here: the SpanBatch (spoor/model).

export { type ErrorCode, SpoorError, type Where } from "../base/errors.ts";
export {
  type JaegerTraceOptions,
  writeJaegerTrace,
  writeJaegerTracePieces,
} from "./jaeger-json.ts";
export { readApiV2Span, readPostSpans } from "./jaeger-proto.ts";
export { type JaegerClientStats, type JaegerSender, readJaegerBatch } from "./jaeger-thrift.ts";
export { readOtlpJson } from "./otlp-json.ts";
export { type Rejected, readOtlpTraces } from "./otlp-proto.ts";
export { writeApiV2Spans } from "./write-jaeger-proto.ts";
export { writeOtlpJson } from "./write-otlp-json.ts";
export { writeOtlpProto } from "./write-otlp-proto.ts";
export { readZipkinJsonV1 } from "./zipkin-json-v1.ts";
export { readZipkinJsonV2 } from "./zipkin-json.ts";
export { readZipkinProto } from "./zipkin-proto.ts";
export { readZipkinThrift } from "./zipkin-thrift.ts";
