// The forwarder in front of real collectors that are restarted one by one, and killed, under load.
//
//   senders ─▶ forwarder (OTLP gRPC, spool) ─▶ two Spoors on fixed ports ─▶ what each has stored

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { makeOtlpGrpcReporter } from "../../src/agent/reporters/grpc.ts";
import type { Parcel } from "../../src/agent/parcel.ts";
import { writeOtlpProto } from "../../src/wire/write-otlp-proto.ts";
import { makeTrace } from "../make-trace.ts";
import { openTestForwarder } from "../open-forwarder.ts";
import { type SpoorProcess, startSpoor } from "../spoor-process.ts";
import { until } from "../until.ts";

const ROOT = join(import.meta.dirname, "../..");
const SPANS = 5;
const SENDERS = 4;
/** Of each sender, so that a long restart makes no million spans. */
const PACE_MS = 2;
/** Nobody asks what to sample. */
const NOBODYS_PORT = 9;
/** Between two restarts. */
const PARCELS = 200;

const traceIdOf = (number: number): string => number.toString(16).padStart(32, "a");

function parcelOf(number: number): Parcel {
  const traceId = traceIdOf(number);
  const spans = Array.from({ length: SPANS }, (_, at) => ({
    traceId,
    id: at + 1,
    service: "load",
  }));
  const payload = writeOtlpProto([makeTrace(...spans)]);
  return { payload, spans: SPANS, services: [["load", SPANS]] };
}

/** A Spoor that can be started again on the same port and directory. */
class Target {
  readonly #directory: string;
  #running: SpoorProcess | undefined;
  port = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async start(): Promise<void> {
    const flags = [
      `--segment.directory=${this.#directory}`,
      `--collector.otlp.grpc.host-port=127.0.0.1:${this.port}`,
    ];
    this.#running = await startSpoor(ROOT, flags);
    this.port = Number(this.#address(/^OTLP gRPC/).split(":")[1]);
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    if (signal === "SIGTERM") assert.equal((await this.#running!.close()).code, 0);
    else this.#running!.signal(signal);
    await this.#running!.ended;
    this.#running = undefined;
  }

  /** Spans that are stored, of all its lives. */
  async spans(): Promise<number> {
    const answer = await fetch(`http://${this.#address(/^admin/i)}/api/ledger`);
    const { store } = (await answer.json()) as { store: { spans: number } };
    return store.spans;
  }

  async has(number: number): Promise<boolean> {
    const path = `/api/traces/${traceIdOf(number)}`;
    const answer = await fetch(`http://${this.#address(/^query HTTP/i)}${path}`);
    const { data } = (await answer.json()) as { data?: readonly { spans: unknown[] }[] | null };
    return data?.[0]?.spans.length === SPANS;
  }

  async close(): Promise<void> {
    this.#running?.signal("SIGKILL");
    await this.#running?.ended;
  }

  #address(name: RegExp): string {
    const found = [...this.#running!.addresses].find(([one]) => name.test(one));
    assert.ok(found !== undefined);
    return found[1];
  }
}

interface Rig {
  readonly targets: readonly [Target, Target];
  /** Parcels that the forwarder has promised, when it has delivered all. */
  readonly finish: () => Promise<number>;
  /** Resolves when so many more have been promised. */
  readonly more: (parcels: number) => Promise<void>;
}

async function openRig(t: TestContext): Promise<Rig> {
  const directory = await mkdtemp(join(tmpdir(), "spoor-forwarding-"));
  const targets = [new Target(join(directory, "one")), new Target(join(directory, "two"))] as const;
  t.after(async () => {
    for (const target of targets) await target.close();
    await rm(directory, { recursive: true, force: true });
  });
  await Promise.all(targets.map((target) => target.start()));
  const forwarder = await openTestForwarder({
    ports: targets.map(({ port }) => port),
    reporter: makeOtlpGrpcReporter({
      connectTimeoutMs: 5_000,
      timeoutMs: 10_000,
      samplingPort: NOBODYS_PORT,
    }),
    directory: join(directory, "spool"),
    awayMsMax: 500,
  });
  t.after(() => forwarder.close(0));
  let last = 0;
  let promised = 0;
  let isLoaded = true;
  const loads = Array.from({ length: SENDERS }, async () => {
    while (isLoaded) {
      await forwarder.send(parcelOf(++last));
      promised++;
      await wait(PACE_MS);
    }
  });
  return {
    targets,
    more: async (parcels) => {
      const goal = promised + parcels;
      await until(() => promised >= goal);
    },
    finish: async () => {
      isLoaded = false;
      await Promise.all(loads);
      await until(() => forwarder.figures().spooled.parcels === 0);
      forwarder.checkBooks();
      assert.equal(forwarder.figures().delivered.parcels, promised);
      return promised;
    },
  };
}

test("a rolling restart of the collectors loses no span and doubles none", async (t) => {
  const { targets, more, finish } = await openRig(t);
  for (const target of targets) {
    await more(PARCELS);
    await target.end("SIGTERM");
    await target.start();
  }
  await more(PARCELS);
  const parcels = await finish();
  assert.ok(parcels >= 3 * PARCELS);
  const stored = await Promise.all(targets.map((target) => target.spans()));
  assert.equal(stored[0]! + stored[1]!, parcels * SPANS);
});

test("collectors that are killed, one by one and both, lose no span that was promised", async (t) => {
  const { targets, more, finish } = await openRig(t);
  for (const target of targets) {
    await more(PARCELS);
    await target.end("SIGKILL");
    await target.start();
  }
  await more(PARCELS);
  await Promise.all(targets.map((target) => target.end("SIGKILL")));
  await more(PARCELS);
  await Promise.all(targets.map((target) => target.start()));
  const parcels = await finish();
  for (let number = 1; number <= parcels; number++) {
    const found = (await targets[0].has(number)) || (await targets[1].has(number));
    assert.ok(found, `parcel ${number} of ${parcels}`);
  }
});
