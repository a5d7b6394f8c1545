// The codecs of jaeger-client by their names there, for `registerInjector` and `registerExtractor`.
//
//   new ZipkinB3TextMapCodec({ urlEncoding: true }) ──▶ x-b3-* headers
//   new TextMapCodec({ contextKey: "x-trace" }) ──────▶ uber-trace-id and its like
//
// Source: jaeger-client 3.19, propagators/ (options). `propagation` in the configuration does the same.
// Not here: what is in the headers (propagation/).

import type { ClientMetrics } from "./client-metrics.ts";
import { type Codec, makeCodecs } from "./propagation/codec.ts";
import type { Propagation } from "./propagation/header-formats.ts";
import type { SpanContext } from "./span-context.ts";

export interface TextMapCodecOptions {
  /** Values of headers are URL-encoded. */
  readonly urlEncoding?: boolean | undefined;
  readonly contextKey?: string | null | undefined;
  readonly baggagePrefix?: string | null | undefined;
  readonly metrics?: Pick<ClientMetrics, "decodingErrors"> | undefined;
}

/** Jaeger's own headers. */
export class TextMapCodec implements Codec {
  readonly #codec: Codec;

  constructor(options: TextMapCodecOptions = {}) {
    this.#codec = makeCodec("jaeger", options);
  }

  inject(context: SpanContext, carrier: unknown): void {
    this.#codec.inject(context, carrier);
  }

  extract(carrier: unknown): SpanContext | null {
    return this.#codec.extract(carrier);
  }
}

/** Zipkin's. */
export class ZipkinB3TextMapCodec implements Codec {
  readonly #codec: Codec;

  constructor(options: TextMapCodecOptions = {}) {
    this.#codec = makeCodec("b3", options);
  }

  inject(context: SpanContext, carrier: unknown): void {
    this.#codec.inject(context, carrier);
  }

  extract(carrier: unknown): SpanContext | null {
    return this.#codec.extract(carrier);
  }
}

function makeCodec(propagation: Propagation, options: TextMapCodecOptions): Codec {
  const codecs = makeCodecs({
    propagation: [propagation],
    contextKey: options.contextKey ?? undefined,
    baggagePrefix: options.baggagePrefix ?? undefined,
    onGarbage: () => options.metrics?.decodingErrors.increment(),
  });
  return options.urlEncoding === true ? codecs.http_headers : codecs.text_map;
}
