// Every flag of a door lands where it belongs, and the defaults are Jaeger's ports.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSettings } from "../../base/parse-settings.ts";
import type { DoorName } from "../ledger.ts";
import { collectorSettings } from "../settings.ts";
import { type DoorPlan, planDoors } from "./plan-doors.ts";

function plan(door: DoorName, ...argv: readonly string[]): DoorPlan {
  const { config } = parseSettings({ table: collectorSettings, argv, env: {} });
  const found = planDoors(config).find(({ name }) => name === door);
  assert.ok(found !== undefined);
  return found;
}

const ports: readonly (readonly [DoorName, number])[] = [
  ["otlp-grpc", 4317],
  ["otlp-http", 4318],
  ["jaeger-grpc", 14250],
  ["jaeger-http", 14268],
  ["tchannel", 14267],
  ["zipkin", 9411],
];

for (const [door, port] of ports) {
  test(`planDoors() puts ${door} on loopback, port ${port}`, () => {
    assert.deepEqual(plan(door).hostPort, { host: "127.0.0.1", port });
  });
}

const flags: readonly (readonly [door: DoorName, flag: string, limits: object])[] = [
  ["otlp-grpc", "collector.otlp.grpc.max-message-size=7", { messageBytesMax: 7 }],
  ["otlp-grpc", "collector.otlp.grpc.max-connection-age=1s", { connectionAgeMaxMs: 1_000 }],
  ["otlp-grpc", "collector.otlp.grpc.max-connection-age-grace=2s", { connectionAgeGraceMs: 2_000 }],
  ["jaeger-grpc", "collector.grpc-server.max-message-size=7", { messageBytesMax: 7 }],
  ["jaeger-grpc", "collector.grpc-server.max-connection-age=1s", { connectionAgeMaxMs: 1_000 }],
  [
    "jaeger-grpc",
    "collector.grpc-server.max-connection-age-grace=2s",
    { connectionAgeGraceMs: 2_000 },
  ],
  ["otlp-http", "collector.otlp.http.idle-timeout=3s", { idleTimeoutMs: 3_000 }],
  ["otlp-http", "collector.otlp.http.read-timeout=4s", { requestTimeoutMs: 4_000 }],
  ["otlp-http", "collector.otlp.http.read-header-timeout=5s", { headersTimeoutMs: 5_000 }],
  ["jaeger-http", "collector.http-server.idle-timeout=3s", { idleTimeoutMs: 3_000 }],
  ["jaeger-http", "collector.http-server.read-timeout=4s", { requestTimeoutMs: 4_000 }],
  ["jaeger-http", "collector.http-server.read-header-timeout=5s", { headersTimeoutMs: 5_000 }],
];

for (const [door, flag, limits] of flags) {
  test(`planDoors() hands --${flag} to ${door} alone`, () => {
    const given = plan(door, `--${flag}`).limits;
    assert.deepEqual({ ...given, ...limits }, given);
    for (const [other] of ports) {
      if (other !== door) assert.deepEqual(plan(other, `--${flag}`).limits, plan(other).limits);
    }
  });
}

const bodies = { bodyBytesMax: 20 * 2 ** 20, plainBytesMax: 20 * 2 ** 20 };

test("planDoors() leaves times of 0 to the server", () => {
  assert.deepEqual(plan("jaeger-http").limits, { ...bodies, headersTimeoutMs: 2_000 });
  const never = "--collector.http-server.read-header-timeout=0s";
  assert.deepEqual(plan("jaeger-http", never).limits, bodies);
});

test("planDoors() bounds the bodies of every HTTP door by one setting", () => {
  const bounds = { bodyBytesMax: 1_000_000, plainBytesMax: 1_000_000 };
  for (const door of ["otlp-http", "jaeger-http", "zipkin"] as const) {
    const { limits } = plan(door, "--collector.max-http-body-size=1MB");
    assert.deepEqual({ ...limits, ...bounds }, limits);
  }
});

test("planDoors() shuts a door whose address is empty", () => {
  assert.equal(plan("zipkin", "--collector.zipkin.host-port=").hostPort, undefined);
});
