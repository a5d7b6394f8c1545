// What tracegen knows of a protocol: how spans are written in it, and how they are sent.
//
//   Carrier.write(batch) ─▶ payloads       Carrier.open(address) ─▶ Lane ─ send(payload) ─▶ Verdict
//
// Every payload is sent once, so that the counts here are those in the books of who takes them.

import { SpoorError } from "../../base/errors.ts";
import type { HostPort } from "../../base/host-port.ts";
import type { SpanBatch } from "../../model/span-batch.ts";

/** Why spans were not taken: a closed set. */
export const REASONS = [
  "invalid", //     the peer calls the payload wrong
  "too-large", //   it is beyond what the peer, or a datagram, takes
  "overloaded", //  the peer has too much to do
  "unavailable", // the peer is not there, or cannot store now
  "unanswered", //  nobody said what became of it: it may be stored
  "unsupported", // there is no such service at that address
  "forbidden", //   the peer does not take it from us
  "partial", //     the peer took the rest of the payload
  "other",
] as const;
export type Reason = (typeof REASONS)[number];

export interface Payload {
  readonly bytes: Uint8Array;
  readonly spans: number;
}

/** What became of a payload's spans. */
export type Verdict =
  | { readonly is: "accepted" }
  /** Sent, and the protocol has no answer. */
  | { readonly is: "unacknowledged" }
  | {
      readonly is: "refused";
      readonly reason: Reason;
      /** How many of them; undefined: all. */
      readonly spans?: number;
      readonly message: string;
    };

export const ACCEPTED: Verdict = { is: "accepted" };
export const UNACKNOWLEDGED: Verdict = { is: "unacknowledged" };

export interface Lane {
  /** False: the connection is lost, and another lane has to be opened. */
  readonly isOpen: boolean;
  /** Never rejects because of the peer. */
  send(bytes: Uint8Array): Promise<Verdict>;
  /** Fails what is under way. */
  close(): void;
}

export interface Carrier {
  /** Payloads longer than this cannot be sent; `write` is asked for fewer spans then. */
  readonly payloadBytesMax: number;
  /** All rows, which are of one resource. */
  write(batch: SpanBatch): Uint8Array;
  /** @throws SpoorError `unavailable` if nobody answers there. */
  open(address: HostPort): Promise<Lane>;
}

/** What an OTLP receiver's answer to a call that succeeded means. */
export function makeReadOtlpAnswer(
  read: (answer: Uint8Array) => { readonly spans: number; readonly message: string },
): (answer: Uint8Array) => Verdict {
  return (answer) => {
    try {
      const { spans, message } = read(answer);
      return spans <= 0 ? ACCEPTED : { is: "refused", reason: "partial", spans, message };
    } catch (error) {
      // The status said that the spans were taken.
      if (error instanceof SpoorError) return ACCEPTED;
      throw error;
    }
  };
}

export function refused(reason: Reason, message: string): Verdict {
  return { is: "refused", reason, message };
}
