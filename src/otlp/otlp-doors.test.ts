// OTLP's two doors with somebody behind them who takes, leaves out and refuses.

import assert from "node:assert/strict";
import { test } from "node:test";
import { callGrpc } from "../../test/call-grpc.ts";
import { SpoorError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import { openGrpcServer } from "../net/grpc-server.ts";
import { openHttpServer } from "../net/http-server.ts";
import { readExportAnswer } from "../wire/otlp-answer.ts";
import { makeOtlpRoutes } from "./otlp-routes.ts";
import { EXPORT_PATH, type TakeOtlp, makeOtlpService } from "./otlp-service.ts";

const hostPort = { host: "127.0.0.1", port: 0 };
const onBug = (error: unknown): never => assert.fail(String(error));

/** Leaves as many spans out as the payload has bytes; ten are too many. */
const take: TakeOtlp = (payload) => {
  if (payload.length === 10) return Promise.reject(new SpoorError("overloaded", "later"));
  return Promise.resolve({ spans: payload.length, message: "left out" });
};

test("makeOtlpService() tells what was left out, and who has to come again", async () => {
  const services = [makeOtlpService(take)];
  const server = await openGrpcServer({ name: "test", hostPort, services, log: silentLog, onBug });
  const { status, answer } = await callGrpc(server.port, EXPORT_PATH, new Uint8Array(3));
  assert.deepEqual([status, readExportAnswer(answer).spans], [0, 3]);
  assert.equal((await callGrpc(server.port, EXPORT_PATH, new Uint8Array(10))).status, 8);
  await server.close(0);
});

test("makeOtlpRoutes() answers in the encoding that was asked", async () => {
  let wrong = 0;
  const takers = { protobuf: take, json: take, onWrongType: () => void wrong++ };
  const { routes, answerFailure } = makeOtlpRoutes(takers);
  const options = { name: "test", hostPort, routes, answerFailure, log: silentLog, onBug };
  const server = await openHttpServer(options);
  const post = (type: string, bytes: number): Promise<Response> =>
    fetch(`http://127.0.0.1:${server.port}/v1/traces`, {
      method: "POST",
      headers: { "content-type": type },
      body: new Uint8Array(bytes),
    });
  const protobuf = await post("application/x-protobuf", 3);
  assert.equal(readExportAnswer(new Uint8Array(await protobuf.arrayBuffer())).spans, 3);
  const json = (await (await post("application/json", 2)).json()) as {
    partialSuccess: { rejectedSpans: string };
  };
  assert.equal(Number(json.partialSuccess.rejectedSpans), 2);
  const late = await post("application/json", 10);
  assert.deepEqual([late.status, late.headers.get("retry-after")], [429, "1"]);
  assert.deepEqual([(await post("text/plain", 1)).status, wrong], [415, 1]);
  await server.close(0);
});
