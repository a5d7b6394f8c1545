// How a context goes into a carrier and comes out of one, for each format of OpenTracing.
//
//   text_map       headers, baggage as it is          HeaderCodec
//   http_headers   headers, baggage URL-encoded       HeaderCodec
//   binary         bytes                              binary-context.ts
//
// Trust: carriers are a peer's, and may throw. Neither direction ever does.
// Not here: what is asked in which order (header-codec.ts), kinds of carrier (carrier.ts).

import type { SpanContext } from "../span-context.ts";
import type { BaggageMaxima } from "./baggage-items.ts";
import { readBinary, writeBinary } from "./binary-context.ts";
import { BAGGAGE_CHARS_MAX, BAGGAGE_ITEMS_MAX } from "./bounds.ts";
import { HeaderCodec } from "./header-codec.ts";
import type { Propagation } from "./header-formats.ts";
import { BAGGAGE_PREFIX, CONTEXT_HEADER } from "./jaeger-headers.ts";

export interface Codec {
  /** Writes the headers of every format. An invalid context leaves its ids out. */
  inject(context: SpanContext, carrier: unknown): void;
  /**
   * @returns null if there is nothing for us. A context that is not valid brings no ids, but baggage,
   *   a debug id or, if `isRemote`, whether to sample (B3): a new trace starts with it.
   */
  extract(carrier: unknown): SpanContext | null;
}

export interface Codecs {
  readonly text_map: Codec;
  readonly http_headers: Codec;
  readonly binary: Codec;
}

export interface CodecOptions {
  /** In the order in which they are asked. */
  readonly propagation: readonly Propagation[];
  /** Instead of `uber-trace-id`; an empty one counts as none. */
  readonly contextKey?: string | undefined;
  /** Instead of `uberctx-`, likewise. */
  readonly baggagePrefix?: string | undefined;
  /** Instead of 64 items and 8,192 characters. */
  readonly maxima?: Partial<BaggageMaxima> | undefined;
  /** Called with the name of the header, `baggage`, `binary` or `carrier`; must not throw. */
  readonly onGarbage: (reason: string) => void;
}

export function makeCodecs(options: CodecOptions): Codecs {
  const { propagation, onGarbage } = options;
  const maxima = { items: BAGGAGE_ITEMS_MAX, chars: BAGGAGE_CHARS_MAX, ...options.maxima };
  const setting = {
    propagation,
    contextKey: (options.contextKey || CONTEXT_HEADER).toLowerCase(),
    baggagePrefix: (options.baggagePrefix || BAGGAGE_PREFIX).toLowerCase(),
    maxima,
    onGarbage,
  };
  return {
    text_map: new HeaderCodec({ ...setting, encoded: false }),
    http_headers: new HeaderCodec({ ...setting, encoded: true }),
    binary: new BinaryCodec(maxima, onGarbage),
  };
}

class BinaryCodec implements Codec {
  readonly #maxima: BaggageMaxima;
  readonly #onGarbage: (reason: string) => void;

  constructor(maxima: BaggageMaxima, onGarbage: (reason: string) => void) {
    this.#maxima = maxima;
    this.#onGarbage = onGarbage;
  }

  inject(context: SpanContext, carrier: unknown): void {
    if (!context.isValid) return;
    try {
      const onLeftOut = (): void => this.#onGarbage("baggage");
      if (writeBinary(context, carrier, this.#maxima, onLeftOut)) return;
    } catch {
      // A carrier that does not let itself be written: like one that is none.
    }
    this.#onGarbage("carrier");
  }

  extract(carrier: unknown): SpanContext | null {
    try {
      const context = readBinary(carrier, this.#maxima);
      if (context !== undefined) return context;
    } catch {
      // Getters of the carrier: as bytes that mean nothing.
    }
    this.#onGarbage("binary");
    return null;
  }
}
