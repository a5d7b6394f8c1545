// The health service, asked by a client that builds its messages from the proto definition.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import * as grpc from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { until } from "../../test/until.ts";
import { silentLog } from "../base/log.ts";
import { type GrpcHealth, makeGrpcHealth } from "./grpc-health.ts";
import { type GrpcServer, openGrpcServer } from "./grpc-server.ts";

// grpc-proto, grpc/health/v1/health.proto, the two messages.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message HealthCheckRequest { string service = 1; }
  message HealthCheckResponse {
    enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
    ServingStatus status = 1;
  }
`);
const Request = root.lookupType("HealthCheckRequest");
const Response = root.lookupType("HealthCheckResponse");
const write = (service: string): Buffer => Buffer.from(Request.encode({ service }).finish());
const read = (bytes: Buffer): string =>
  String(Response.toObject(Response.decode(bytes), { enums: String })["status"]);
const CHECK = "/grpc.health.v1.Health/Check";
const WATCH = "/grpc.health.v1.Health/Watch";

interface Open {
  readonly health: GrpcHealth;
  readonly server: GrpcServer;
  readonly client: grpc.Client;
  readonly check: (service: string) => Promise<string>;
}

async function open(t: TestContext): Promise<Open> {
  const health = makeGrpcHealth(["jaeger.api_v2.CollectorService"]);
  const server = await openGrpcServer({
    name: "test",
    hostPort: { host: "127.0.0.1", port: 0 },
    services: [health.service],
    log: silentLog,
    onBug: (error) => assert.fail(`a bug: ${String(error)}`),
  });
  const client = new grpc.Client(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure());
  t.after(async () => {
    client.close();
    await server.close(0);
  });
  const check = (service: string) =>
    new Promise<string>((resolve, reject) => {
      client.makeUnaryRequest(CHECK, write, read, service, (error, status) => {
        if (error === null) resolve(status ?? "nothing");
        else reject(error);
      });
    });
  return { health, server, client, check };
}

test("Check answers for the server, for a known service, and for none", async (t) => {
  const { health, check } = await open(t);
  assert.equal(await check(""), "SERVING");
  assert.equal(await check("jaeger.api_v2.CollectorService"), "SERVING");
  health.set("jaeger.api_v2.CollectorService", "NOT_SERVING");
  assert.equal(await check("jaeger.api_v2.CollectorService"), "NOT_SERVING");
  assert.equal(await check(""), "SERVING");
  await assert.rejects(check("none"), { code: 5, details: "unknown service" });
});

test("Watch tells the status now and every change, until the peer has enough", async (t) => {
  const { health, client } = await open(t);
  const call = client.makeServerStreamRequest(WATCH, write, read, "later");
  const seen: string[] = [];
  call.on("data", (status: string) => seen.push(status));
  call.on("error", () => {});
  const steps: readonly (readonly ["SERVING" | "NOT_SERVING", string])[] = [
    ["SERVING", "SERVICE_UNKNOWN,SERVING"],
    ["SERVING", "SERVICE_UNKNOWN,SERVING"],
    ["NOT_SERVING", "SERVICE_UNKNOWN,SERVING,NOT_SERVING"],
  ];
  await until(() => seen.length === 1);
  for (const [status, printed] of steps) {
    health.set("later", status);
    await until(() => seen.join() === printed);
  }
  call.cancel();
});

test("Watch ends when the door closes", async (t) => {
  const { server, client } = await open(t);
  const call = client.makeServerStreamRequest(WATCH, write, read, "");
  call.once("data", () => void server.close(60_000));
  await assert.rejects(call.toArray(), { code: 14 });
});

test("Check steps over unknown fields and refuses what is no message", async (t) => {
  const { client } = await open(t);
  const raw = (hex: string) =>
    new Promise<string>((resolve) => {
      const bytes = Buffer.from(hex, "hex");
      const same = (of: Buffer) => of;
      client.makeUnaryRequest(CHECK, same, read, bytes, (error, status) => {
        resolve(error === null ? (status ?? "") : `${error.code} ${error.details}`);
      });
    });
  assert.equal(await raw("1801" + "1203616263" + "0a00"), "SERVING");
  for (const hex of [
    "0a",
    "0a05",
    "0a056162",
    "ffffffffffff",
    "09",
    "0d00000000",
    "0affffffff7f",
  ]) {
    assert.match(await raw(hex), /^3 not a HealthCheckRequest \(offset \d+\)$/, hex);
  }
});
