// A role with a real admin port and a real store, from open to closed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import { parseSettings } from "../base/parse-settings.ts";
import { gauge } from "../base/metrics.ts";
import { makeLog } from "./log.ts";
import { type DoorParts, type OpenDoors, openRole } from "./open-role.ts";
import { collectorRoleSettings } from "./roles.ts";
import type { Running } from "./supervisor.ts";

interface Opened {
  readonly running: Running;
  readonly ask: (path: string, init?: RequestInit) => Promise<string>;
  /** Lines so far. */
  readonly logged: readonly string[];
}

/** A role with its admin port on any free port. */
async function open(doors: readonly OpenDoors[], ...flags: readonly string[]): Promise<Opened> {
  const logged: string[] = [];
  const argv = ["--admin.http.host-port=:0", "--span-storage.type=memory", ...flags];
  const { config } = parseSettings({ table: collectorRoleSettings, argv, env: {} });
  let address = "";
  const write = (line: string): void => {
    logged.push(line);
    const { msg, at = "" } = JSON.parse(line) as { msg: string; at?: string };
    if (msg === "admin") address = at;
  };
  const log = makeLog({ level: "info", encoding: "json", clock: systemClock, write });
  const onBug = (error: unknown): void => assert.fail(String(error));
  const running = await openRole({ config, log, clock: systemClock, doors, onBug });
  const ask = async (path: string, init?: RequestInit): Promise<string> => {
    const answer = await fetch(`${address}${path}`, init);
    return `${answer.status} ${await answer.text()}`;
  };
  return { running, ask, logged };
}

test("openRole() serves health, metrics, version and the log level", async () => {
  const depth = { depth: gauge({ name: "depth_of_door", help: "d" }) };
  const doors: OpenDoors = ({ registry }) => {
    registry.register(depth).depth.with().set(42);
    return Promise.resolve({ addresses: [], close: () => Promise.resolve() });
  };
  const { running, ask } = await open([doors]);
  assert.match(await ask("/"), /^200 \{"status":"Server available",/);
  assert.match(await ask("/metrics"), /^200 # HELP jaeger_build_info .*^depth_of_door 42$/ms);
  assert.match(await ask("/version"), /^200 \{"gitCommit":"/);
  const body = '{"level":"error"}';
  assert.equal(await ask("/log-level", { method: "PUT", body }), `200 ${body}`);
  assert.equal(await ask("/log-level"), `200 ${body}`);
  assert.match(await ask("/log-level", { method: "PUT", body: "x" }), /^400 expected \{"level"/);
  assert.match(await ask("/log-level", { method: "PUT", body: "x".repeat(70_000) }), /^413 /);
  assert.match(await ask("/nothing"), /^404 /);
  await running.close(0);
});

test("openRole() serves no metrics with the backend none", async () => {
  const { running, ask } = await open([], "--metrics-backend=none");
  assert.match(await ask("/metrics"), /^404 /);
  await running.close(0);
});

test("openRole() opens no admin port with an empty address", async () => {
  const { running, ask } = await open([], "--admin.http.host-port=");
  await assert.rejects(ask("/"));
  await running.close(0);
});

test("openRole() tells 503 from the first moment of closing until the doors are done", async () => {
  const draining = Promise.withResolvers<number>();
  const drained = Promise.withResolvers<void>();
  let parts: DoorParts | undefined;
  const doors: OpenDoors = (given) => {
    parts = given;
    return Promise.resolve({
      addresses: [],
      async close(graceMs) {
        draining.resolve(graceMs);
        await drained.promise;
        await given.store.ready(); // still open while doors drain
      },
    });
  };
  const { running, ask } = await open([doors, doors]);
  assert.match(await ask("/ready"), /^200 /);
  const closed = running.close(1_234);
  assert.equal(await draining.promise, 1_234);
  assert.match(await ask("/ready"), /^503 \{"status":"Server not available"/);
  drained.resolve();
  await closed;
  await assert.rejects(ask("/"));
  assert.ok(parts !== undefined);
});

test("openRole() logs where all spans went, when the doors are done", async () => {
  const doors: OpenDoors = ({ ledger }) =>
    Promise.resolve({
      addresses: [],
      close: () => {
        const { spans } = ledger.account("zipkin", "zipkin-proto");
        spans.receive(7);
        spans.store(4);
        spans.refuse(2, "overloaded");
        return Promise.resolve();
      },
    });
  const { running, logged } = await open([doors]);
  await running.close(0);
  const books = logged.filter((line) => line.includes("spans of this run"));
  assert.equal(books.length, 1);
  assert.match(books[0]!, /"received":7,"stored":4,"refused":2,"dropped":0,"inFlight":1/);
});

test("openRole() closes what is open when a door cannot be opened", async () => {
  let closed = 0;
  const good: OpenDoors = () =>
    Promise.resolve({ addresses: [], close: () => Promise.resolve(void closed++) });
  const bad: OpenDoors = () => Promise.reject(new SpoorError("unavailable", "address in use"));
  await assert.rejects(open([good, bad]), { code: "unavailable", message: "address in use" });
  assert.equal(closed, 1);
});
