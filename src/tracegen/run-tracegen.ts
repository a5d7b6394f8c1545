// Makes traces at a rate and sends them, until there are enough or somebody says so.
//
//   workers ─ wait for their turn ─▶ make a trace ─▶ batches of its processes
//                                                       │ full, or a second old
//                                                       ▼
//                                       write, reset ─▶ send ─ verdict ─▶ counts
//
// A worker goes on when what it sent was answered: that bounds what is under way, and what is in memory,
// by the number of workers. Turns are laid out from the start on, so that a target which was slow for a
// moment gets all that was due; one that stays too slow is told in the report.
//
// Trust: the target is a peer; whatever it answers is counted.
// Not here: traces (make-trace.ts), protocols (carriers/), what is printed (send-counts.ts).

import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";
import type { Clock } from "../base/clock.ts";
import { type HostPort, printHostPort } from "../base/host-port.ts";
import {
  ORIGIN_JAEGER_PROTO,
  ORIGIN_JAEGER_THRIFT,
  ORIGIN_OTLP,
  ORIGIN_ZIPKIN,
} from "../model/span-batch.ts";
import type { Carrier, Payload, Reason, Verdict } from "./carriers/carrier.ts";
import { openCarrier } from "./carriers/open-carrier.ts";
import { type TraceOptions, makeTrace } from "./make-trace.ts";
import { ProcessSpans } from "./process-spans.ts";
import { type Report, SendCounts } from "./send-counts.ts";
import { type Sender, openSender } from "./sender.ts";
import { PORTS, type ProtocolName, type TracegenConfig } from "./settings.ts";
import { writePayloads } from "./write-payloads.ts";

export interface TracegenOptions {
  readonly config: TracegenConfig;
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  /** Ends the making of traces; what is made is still sent. */
  readonly signal: AbortSignal;
  readonly onProgress?: ((report: Report) => void) | undefined;
}

/** Spans of a process that makes few of them wait so long for others. */
const BATCH_MS_MAX = 1_000;
const LOOK_MS = 100;
/** A worker whose spans were not taken for a reason that may pass. */
const BACK_OFF_MS = 100;
const PASSING: ReadonlySet<Reason> = new Set(["overloaded", "unavailable", "unanswered"]);
/** Who lets us wait so long in vain at the end is not asked again: the rest is as little taken. */
const GONE_MS = 1_000;
/** What is late by more than a part of the time was not just a stutter. */
const LATE_MS = 100;
const LATE_SHARE = 0.01;
/** Sampled: in OTLP and in Jaeger the same bit. */
const SAMPLED = 1;

const LOOPBACK = "127.0.0.1";

/** @throws SpoorError `unavailable` if nobody is at the target, before anything is sent. */
export async function runTracegen(options: TracegenOptions): Promise<Report> {
  const { config, clock, onProgress } = options;
  const address = config.target ?? { host: LOOPBACK, port: PORTS[config.protocol] };
  const carrier = await openCarrier(config.protocol, clock);
  const sender = await openSender(carrier, address);
  const run = new Run(options, carrier, sender, address);
  const everyMs = config.progress;
  const timer =
    everyMs > 0 ? setInterval(() => onProgress?.(run.report()), everyMs).unref() : undefined;
  try {
    await run.play();
  } finally {
    clearInterval(timer);
    sender.close();
  }
  return run.report();
}

class Run {
  readonly #config: TracegenConfig;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #carrier: Carrier;
  readonly #sender: Sender;
  readonly #target: string;
  readonly #processes: readonly ProcessSpans[];
  readonly #counts: SendCounts;
  readonly #traceOptions: TraceOptions;
  readonly #startMs: number;
  /** When the last trace was made. */
  #madeMs: number;
  #endMs: number | undefined;
  #turns = 0;
  #traces = 0;
  /** By how much the last trace was late. */
  #lateMs = 0;
  #isEnding = false;
  /** What becomes of spans at the end without asking. */
  #gone: Verdict | undefined;

  constructor(options: TracegenOptions, carrier: Carrier, sender: Sender, address: HostPort) {
    const { config, clock, random, signal } = options;
    const { protocol } = config;
    this.#config = config;
    this.#clock = clock;
    this.#signal = signal;
    this.#carrier = carrier;
    this.#sender = sender;
    this.#target = printHostPort(address);
    this.#processes = nameServices(config).map(
      (service, index) => new ProcessSpans({ service, index }),
    );
    this.#counts = new SendCounts(this.#processes.map(({ service }) => service));
    this.#traceOptions = {
      childSpans: config.spans,
      attributes: config.attrs,
      attributeKeys: config["attr-keys"],
      attributeValues: config["attr-values"],
      origin: originOf(protocol),
      flags: originOf(protocol) === ORIGIN_ZIPKIN ? 0 : SAMPLED,
      random,
      clock,
    };
    this.#startMs = clock.monotonicMs();
    this.#madeMs = this.#startMs;
  }

  /** Until all is sent. */
  async play(): Promise<void> {
    const over = new AbortController();
    const looking = this.#flushOld(over.signal);
    const workers = Array.from({ length: this.#config.workers }, () => this.#work());
    await Promise.all(workers);
    over.abort();
    await looking;
    await this.#flushRest();
    this.#endMs = this.#clock.monotonicMs();
  }

  report(): Report {
    const seconds = ((this.#endMs ?? this.#clock.monotonicMs()) - this.#startMs) / 1_000;
    const makingMs = this.#madeMs - this.#startMs;
    const { rate: asked, protocol } = this.#config;
    // Turns are counted from 0: the first trace takes no time.
    const steps = asked === 0 ? this.#traces : Math.max(0, this.#traces - 1);
    return {
      protocol,
      target: this.#target,
      seconds,
      traces: this.#traces,
      rate: {
        asked,
        reached: makingMs > 0 ? (1_000 * steps) / makingMs : 0,
        isKept: asked === 0 || this.#lateMs <= LATE_MS + LATE_SHARE * makingMs,
      },
      ...this.#counts.figures(),
    };
  }

  async #work(): Promise<void> {
    const { batch, pause, duration, traces } = this.#config;
    const endMs = duration > 0 ? this.#startMs + duration : Infinity;
    for (let own = 0; duration > 0 || own < traces; own++) {
      await this.#awaitTurn(endMs);
      if (this.#signal.aborted || this.#clock.monotonicMs() >= endMs) return;
      makeTrace(this.#processes, this.#traceOptions);
      this.#traces++;
      this.#madeMs = this.#clock.monotonicMs();
      for (const process of this.#processes) {
        if (process.batch.rows >= batch) await this.#flush(process);
      }
      if (pause > 0) await this.#sleep(Math.min(pause, endMs - this.#clock.monotonicMs()));
    }
  }

  /** Turns come at the rate; without one at once. */
  async #awaitTurn(endMs: number): Promise<void> {
    const { rate } = this.#config;
    const turn = this.#turns++;
    const dueMs = rate === 0 ? 0 : this.#startMs + (1_000 * turn) / rate;
    const nowMs = this.#clock.monotonicMs();
    if (dueMs > nowMs) await this.#sleep(Math.min(dueMs, endMs) - nowMs);
    // Also who is late lets others have theirs: answers, timers, signals.
    else await nextTurn();
    if (rate > 0) this.#lateMs = Math.max(0, this.#clock.monotonicMs() - dueMs);
  }

  /** Sends what a process has, and waits for what becomes of it. */
  async #flush(process: ProcessSpans): Promise<void> {
    const { service, batch } = process;
    if (batch.rows === 0) return;
    const payloads = writePayloads(batch, this.#carrier);
    process.reset();
    for (const payload of payloads) {
      const verdict = this.#gone ?? (await this.#send(payload));
      this.#counts.add(service, payload.spans, payload.bytes.length, verdict);
      const mayPass = verdict.is === "refused" && PASSING.has(verdict.reason);
      if (mayPass && !this.#isEnding) await this.#sleep(BACK_OFF_MS);
    }
  }

  async #send(payload: Payload): Promise<Verdict> {
    const startMs = this.#clock.monotonicMs();
    const verdict = await this.#sender.send(payload);
    const isLong = this.#clock.monotonicMs() - startMs >= GONE_MS;
    if (this.#isEnding && isLong && verdict.is === "refused") this.#gone = verdict;
    return verdict;
  }

  async #flushOld(over: AbortSignal): Promise<void> {
    for (;;) {
      await wait(LOOK_MS, undefined, { signal: over }).catch(() => undefined);
      if (over.aborted) return;
      const oldMs = this.#clock.monotonicMs() - BATCH_MS_MAX;
      for (const process of this.#processes) {
        if ((process.oldestMs ?? Infinity) <= oldMs) await this.#flush(process);
      }
    }
  }

  /** As many at a time as there are workers. */
  async #flushRest(): Promise<void> {
    this.#isEnding = true;
    const rest = this.#processes.values();
    const flush = async (): Promise<void> => {
      for (const process of rest) await this.#flush(process);
    };
    await Promise.all(Array.from({ length: this.#config.workers }, flush));
  }

  /** Ends early, and without a failure, when somebody says that it is over. */
  async #sleep(ms: number): Promise<void> {
    if (this.#signal.aborted) return;
    await wait(Math.max(0, ms), undefined, { signal: this.#signal }).catch(() => undefined);
  }
}

/** As Jaeger's tracegen names them: `tracegen`, or `tracegen-00` and on. */
export function nameServices({
  service,
  services,
}: Pick<TracegenConfig, "service" | "services">): readonly string[] {
  if (services === 1) return [service];
  return Array.from({ length: services }, (_, at) => `${service}-${String(at).padStart(2, "0")}`);
}

function originOf(protocol: ProtocolName): number {
  if (protocol.startsWith("otlp")) return ORIGIN_OTLP;
  if (protocol.startsWith("zipkin")) return ORIGIN_ZIPKIN;
  return protocol === "jaeger-grpc" ? ORIGIN_JAEGER_PROTO : ORIGIN_JAEGER_THRIFT;
}
