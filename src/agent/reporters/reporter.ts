// What the forwarder knows of a protocol: how to open a connection to one collector, and what an answer
// means.
//
//   Reporter.open(collector) ─▶ Lane ─ send(payload) ─▶ refused spans, or a Setback
//
// A Setback is what may be tried again, elsewhere or later; a Refusal is the last word of a collector on
// this payload.

import type { HostPort } from "../../base/host-port.ts";
import type { ParcelFormat } from "../parcel.ts";

/** A collector at one address. */
export interface CollectorAddress {
  /** An address, no name. */
  readonly address: HostPort;
  /** As the operator wrote it. */
  readonly hostName: string;
}

export interface Lane {
  /**
   * @returns how many of the payload's spans the collector left out, and why.
   * @throws Setback or Refusal.
   */
  send(payload: Uint8Array, signal: AbortSignal): Promise<LeftOut>;
  /** Whether the collector is there and takes data. @throws whatever says no. */
  check(): Promise<void>;
  /** The sampling strategy of a service, as the collector's protocol has it. @throws Setback or Refusal. */
  askStrategy(service: string, signal: AbortSignal): Promise<StrategyAnswer>;
  close(): void;
}

export interface LeftOut {
  readonly spans: number;
  readonly reason: string;
}

/** Everything was taken. */
export const NOTHING_LEFT_OUT: LeftOut = { spans: 0, reason: "" };

/** SamplingStrategyResponse: api_v2, thrift (the struct, binary protocol), or Jaeger's JSON. */
export interface StrategyAnswer {
  readonly format: "proto" | "thrift" | "json";
  readonly payload: Uint8Array;
}

export interface Reporter {
  /** As in `protocol` of Jaeger's metrics: grpc, tchannel; otlp-grpc, otlp-http. */
  readonly protocol: string;
  readonly format: ParcelFormat;
  /**
   * Connects and checks. `onLost` is called once when the lane takes no new payloads any more.
   *
   * @throws SpoorError, Setback or Refusal: not now.
   */
  open(collector: CollectorAddress, onLost: () => void): Promise<Lane>;
}

/** A closed set: what a metric's label may say. */
export type RefusalReason =
  | "invalid" //      the payload is not what it should be
  | "too-large" //    beyond what the collector takes
  | "forbidden" //    who we are, or for whom we send
  | "unsupported" //  no such service at that address
  | "partial" //      the rest of the payload was taken
  | "other";

export const REFUSAL_REASONS: readonly RefusalReason[] = [
  "invalid",
  "too-large",
  "forbidden",
  "unsupported",
  "partial",
  "other",
];

/** The collector's last word on a payload: it is not sent again. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Not now, or not there: the payload is sent again. */
export class Setback extends Error {
  override readonly name = "Setback";
  /** How long the collector wants to be left alone; 0 = it did not say. */
  readonly retryAfterMs: number;
  /** The call was made and nobody answered it: the collector may have died of the payload. */
  readonly isUnanswered: boolean;

  constructor(message: string, retryAfterMs = 0, isUnanswered = false) {
    super(message);
    this.retryAfterMs = retryAfterMs;
    this.isUnanswered = isUnanswered;
  }
}
