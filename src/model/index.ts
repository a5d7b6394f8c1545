// spoor/model: the one shape of a span and what belongs to it, for programs that use the package.
//
// Not here: bytes (spoor/wire).

export {
  ARRAY,
  AttributeTable,
  BOOL,
  BYTES,
  DOUBLE,
  EMPTY,
  INT,
  MAP,
  STRING,
} from "./attribute-table.ts";
export { Dictionary } from "./dictionary.ts";
export { printSpans } from "./print-spans.ts";
export {
  KIND_CLIENT,
  KIND_CONSUMER,
  KIND_INTERNAL,
  KIND_PRODUCER,
  KIND_SERVER,
  KIND_UNSPECIFIED,
  ORIGIN_JAEGER_PROTO,
  ORIGIN_JAEGER_THRIFT,
  ORIGIN_OTLP,
  ORIGIN_ZIPKIN,
  STATUS_ERROR,
  STATUS_OK,
  STATUS_UNSET,
  SpanBatch,
} from "./span-batch.ts";
