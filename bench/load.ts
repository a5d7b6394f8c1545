// The load generator, a process of its own: sends pre-encoded spans as fast as they are accepted, or at a
// rate, and prints a report as one line of JSON.
//
//   node bench/load.ts --door otlp-grpc --target 127.0.0.1:4317 --seconds 10 --pid 4711
//     --spans 2000000    ends when so many were accepted       --until-error   … when a send fails
//     --sent FILE        which traces were acknowledged (sent-traces.ts)
//
// `spans per server CPU second` is the figure to compare when server and generator share the processors.

import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Message } from "./encode-proto.ts";
import type { SendValues } from "./holed-bytes.ts";
import { readMachineBusySeconds, readProcess } from "../test/read-process.ts";
import { DOORS, type Sender } from "./senders.ts";
import { countSpans, SentTraces } from "./sent-traces.ts";
import { makeRandom, makeUnit, type Unit } from "./span-model.ts";

const SPANS_PER_TRACE = 30;
const SERVICES = 8;
/** Printed when the first message is about to be sent; from here on SIGTERM ends it in order. */
const STARTED = "\n";
/** After a refusal a sender waits this long. */
const REFUSED_WAIT_MS = 10;

export interface LoadReport {
  readonly door: string;
  /** What its units can be made from again. */
  readonly seed: number;
  readonly unitTraces: number;
  readonly spansAccepted: number;
  readonly spansRefused: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly bytesPerSpan: number;
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  /** While it was sent to; what it does afterwards is not in it. */
  readonly serverCpuSeconds: number;
  readonly generatorCpuSeconds: number;
  /** Busy time of the machine that is neither the server's nor ours. */
  readonly otherCpuSeconds: number;
}

interface Slot {
  readonly unit: Unit;
  readonly number: number;
  readonly spans: Uint32Array;
  readonly messages: readonly Message[];
}

interface RunOptions {
  /** Spans a second; 0: as fast as they are accepted. */
  readonly rate: number;
  readonly seconds: number;
  readonly spansMax: number;
  readonly isUntilError: boolean;
}

async function main(): Promise<void> {
  const { values: args } = parseArgs({
    options: {
      door: { type: "string", default: "otlp-grpc" },
      target: { type: "string", default: "127.0.0.1:4317" },
      seconds: { type: "string", default: "10" },
      connections: { type: "string", default: "8" },
      batch: { type: "string", default: "500" },
      rate: { type: "string", default: "0" },
      seed: { type: "string", default: "1" },
      // Held ready in distinct messages: enough that a server's caches do not know them all.
      "unit-spans": { type: "string", default: "16000" },
      pid: { type: "string", default: "0" },
      spans: { type: "string", default: "Infinity" },
      "until-error": { type: "boolean", default: false },
      sent: { type: "string" },
    },
  });
  const door = DOORS.find(({ name }) => name === args.door);
  if (door === undefined) {
    const names = DOORS.map(({ name }) => name).join(", ");
    throw new Error(`unknown door ${args.door}: expected one of ${names}`);
  }
  const connections = Number(args.connections);
  const perUnit = Number(args.batch) * (door.perService ? SERVICES : 1);
  const traces = Math.max(1, Math.round(perUnit / SPANS_PER_TRACE));
  const count = Math.max(
    Math.ceil(Number(args["unit-spans"]) / (traces * SPANS_PER_TRACE)),
    2 * connections,
  );
  const slots: Slot[] = Array.from({ length: count }, (_, number) => {
    const unit = makeUnit(Number(args.seed), number, traces);
    return { unit, number, spans: countSpans(unit), messages: door.encode(unit) };
  });
  const pid = Number(args.pid);
  const run = new Run(slots, {
    rate: Number(args.rate),
    seconds: Number(args.seconds),
    spansMax: Number(args.spans),
    isUntilError: args["until-error"],
  });
  process.once("SIGTERM", () => run.stop());
  process.stdout.write(STARTED);
  const senders = Array.from({ length: connections }, () => door.open(args.target));
  const before = { server: readProcess(pid), busy: readMachineBusySeconds(), own: ownCpuSeconds() };
  await Promise.all(senders.map((sender) => run.drive(sender)));
  const seconds = run.seconds();
  for (const sender of senders) sender.close();
  if (args.sent !== undefined) run.sent.save(args.sent);
  const serverCpuSeconds = readProcess(pid).cpuSeconds - before.server.cpuSeconds;
  const generatorCpuSeconds = ownCpuSeconds() - before.own;
  const busy = readMachineBusySeconds() - before.busy;
  const report: LoadReport = {
    door: door.name,
    seed: Number(args.seed),
    unitTraces: traces,
    ...run.figures(),
    seconds,
    serverCpuSeconds,
    generatorCpuSeconds,
    otherCpuSeconds: Math.max(0, busy - serverCpuSeconds - generatorCpuSeconds),
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Counts of one run, shared by its connections. */
class Run {
  readonly #free: Slot[];
  readonly sent = new SentTraces();
  readonly #random = makeRandom(process.pid ^ 0x5f00);
  readonly #options: RunOptions;
  readonly #startedMs = performance.now();
  #endMs: number;
  readonly #latenciesMs: number[] = [];
  readonly #errors: Record<string, number> = {};
  #dueSpans = 0;
  #accepted = 0;
  #refused = 0;
  #bytes = 0;

  constructor(slots: readonly Slot[], options: RunOptions) {
    this.#free = [...slots];
    this.#options = options;
    this.#endMs = this.#startedMs + 1_000 * options.seconds;
  }

  seconds(): number {
    return (performance.now() - this.#startedMs) / 1_000;
  }

  /** No message is begun any more. */
  stop(): void {
    this.#endMs = 0;
  }

  /** Sends until the time is over, or another bound is met. */
  async drive(sender: Sender): Promise<void> {
    while (performance.now() < this.#endMs) {
      const slot = this.#free.shift()!;
      const values = this.#draw(slot.unit);
      let isWhole = true;
      for (const message of slot.messages) {
        const dueMs = await this.#wait(message.spans);
        const isLate = performance.now() >= this.#endMs;
        isWhole &&= !isLate;
        if (isLate) break;
        const error = await sender.send(message.bytes.fill(values));
        this.#latenciesMs.push(performance.now() - dueMs);
        this.#bytes += message.bytes.length;
        isWhole &&= error === "";
        await this.#count(error, message.spans);
      }
      if (isWhole) this.sent.add(slot.unit, slot.number, values, slot.spans);
      this.#free.push(slot);
    }
  }

  async #count(error: string, spans: number): Promise<void> {
    const { spansMax, isUntilError } = this.#options;
    if (error === "") {
      this.#accepted += spans;
      if (this.#accepted >= spansMax) this.stop();
      return;
    }
    this.#refused += spans;
    this.#errors[error] = (this.#errors[error] ?? 0) + 1;
    if (isUntilError) this.stop();
    else await wait(REFUSED_WAIT_MS);
  }

  figures(): Pick<
    LoadReport,
    "spansAccepted" | "spansRefused" | "errors" | "bytesPerSpan" | "latencyMs"
  > {
    const sorted = Float64Array.from(this.#latenciesMs).sort();
    const at = (share: number): number =>
      Math.round(100 * (sorted[Math.floor(share * (sorted.length - 1))] ?? 0)) / 100;
    return {
      spansAccepted: this.#accepted,
      spansRefused: this.#refused,
      errors: this.#errors,
      bytesPerSpan: Math.round(this.#bytes / Math.max(1, this.#accepted + this.#refused)),
      latencyMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99) },
    };
  }

  /** With a rate, a message's latency counts from the moment at which it was due. */
  async #wait(spans: number): Promise<number> {
    const { rate } = this.#options;
    if (rate === 0) return performance.now();
    const dueMs = this.#startedMs + (1_000 * this.#dueSpans) / rate;
    this.#dueSpans += spans;
    const aheadMs = dueMs - performance.now();
    if (aheadMs > 1) await wait(aheadMs);
    return dueMs;
  }

  #draw(unit: Unit): SendValues {
    const word = (): number => (this.#random() * 0x1_0000_0000) >>> 0;
    const users = Uint32Array.from({ length: unit.traces }, () => {
      // Squared: a few users are far more active than the rest.
      const share = this.#random();
      return Math.floor(share * share * 50_000);
    });
    return {
      traces: Uint32Array.from({ length: 4 * unit.traces }, word),
      spans: Uint32Array.from({ length: 2 * unit.spans.length }, word),
      orders: Uint32Array.from({ length: unit.traces }, () => word() % 100_000_000),
      users,
      baseUs: Math.floor(Date.now() * 1_000 - unit.lengthNs / 1_000),
    };
  }
}

await main();
