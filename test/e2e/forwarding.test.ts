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
import { until } from "../until.ts";
import { RestartableSpoor } from "./restartable-spoor.ts";

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

interface Rig {
  readonly targets: readonly [RestartableSpoor, RestartableSpoor];
  /** Parcels that the forwarder has promised, when it has delivered all. */
  readonly finish: () => Promise<number>;
  /** Resolves when so many more have been promised. */
  readonly more: (parcels: number) => Promise<void>;
}

async function openRig(t: TestContext): Promise<Rig> {
  const directory = await mkdtemp(join(tmpdir(), "spoor-forwarding-"));
  const targets = [
    new RestartableSpoor(join(directory, "one")),
    new RestartableSpoor(join(directory, "two")),
  ] as const;
  t.after(async () => {
    for (const target of targets) await target.close();
    await rm(directory, { recursive: true, force: true });
  });
  await Promise.all(targets.map((target) => target.start()));
  const forwarder = await openTestForwarder({
    ports: targets.map((target) => target.port("otlpGrpc")),
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
    const counts = await Promise.all(targets.map((target) => target.countOf(traceIdOf(number))));
    assert.ok(counts.includes(SPANS), `parcel ${number} of ${parcels}: ${counts.join()} spans`);
  }
});
