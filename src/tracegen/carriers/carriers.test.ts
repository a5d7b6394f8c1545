// What each answer of a peer means: against real servers that say it, or that fall silent.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { SpoorError } from "../../base/errors.ts";
import { silentLog } from "../../base/log.ts";
import { openGrpcServer } from "../../net/grpc-server.ts";
import { GrpcError } from "../../net/grpc-service.ts";
import { openHttpServer } from "../../net/http-server.ts";
import { openTChannelServer } from "../../net/tchannel-server.ts";
import { writeExportAnswer, writeExportAnswerJson } from "../../wire/otlp-answer.ts";
import { writeSubmitResult } from "../../wire/submit-thrift.ts";
import { writeOtlpProto } from "../../wire/write-otlp-proto.ts";
import {
  ACCEPTED,
  type Carrier,
  UNACKNOWLEDGED,
  type Verdict,
  makeReadOtlpAnswer,
  refused,
} from "./carrier.ts";
import { makeGrpcCarrier } from "./grpc.ts";
import { makeHttpCarrier } from "./http.ts";
import { openCarrier } from "./open-carrier.ts";
import { makeTChannelCarrier } from "./tchannel.ts";
import { makeUdpCarrier } from "./udp.ts";

const host = "127.0.0.1";
const any = { host, port: 0 };
const onBug = (error: unknown): never => assert.fail(`a bug: ${String(error)}`);
const write: Carrier["write"] = (batch) => writeOtlpProto([batch]);
const payload = Uint8Array.of(1, 2, 3);

/** One payload by a lane of its own. */
async function sendOne(carrier: Carrier, port: number): Promise<Verdict> {
  const lane = await carrier.open({ host, port });
  try {
    return await lane.send(payload);
  } finally {
    lane.close();
  }
}

const reasonOf = (verdict: Verdict): string =>
  verdict.is === "refused" ? verdict.reason : verdict.is;

test("a carrier by HTTP hears what a status means", async () => {
  let status = 200;
  const server = await openHttpServer({
    name: "test",
    hostPort: any,
    routes: [{ method: "POST", path: "/spans", handle: () => ({ status }) }],
    log: silentLog,
    onBug,
  });
  const options = { contentType: "text/plain", write, readAnswer: () => ACCEPTED };
  const carrier = makeHttpCarrier({ ...options, path: "/spans" });
  for (const [code, reason] of [
    [200, "accepted"],
    [202, "accepted"],
    [302, "other"],
    [400, "invalid"],
    [413, "too-large"],
    [429, "overloaded"],
    [403, "forbidden"],
    [500, "unavailable"],
    [503, "unavailable"],
  ] as const) {
    status = code;
    assert.equal(reasonOf(await sendOne(carrier, server.port)), reason, String(code));
  }
  const elsewhere = makeHttpCarrier({ ...options, path: "/elsewhere" });
  assert.equal(reasonOf(await sendOne(elsewhere, server.port)), "unsupported");
  const lane = await carrier.open({ host, port: server.port });
  await server.close(0);
  assert.equal(reasonOf(await lane.send(payload)), "unanswered");
  lane.close();
  await assert.rejects(carrier.open({ host, port: server.port }), { code: "unavailable" });
});

test("a carrier by gRPC hears what a status means", async () => {
  let fail: GrpcError | undefined;
  const handle = (): Promise<Uint8Array> =>
    fail === undefined ? Promise.resolve(new Uint8Array(0)) : Promise.reject(fail);
  const server = await openGrpcServer({
    name: "test",
    hostPort: any,
    services: [{ name: "test.Service", methods: { Send: { kind: "unary", handle } } }],
    log: silentLog,
    onBug,
  });
  const options = { write, readAnswer: () => ACCEPTED };
  const carrier = makeGrpcCarrier({ ...options, path: "/test.Service/Send" });
  assert.equal(reasonOf(await sendOne(carrier, server.port)), "accepted");
  for (const [status, reason] of [
    ["INVALID_ARGUMENT", "invalid"],
    ["RESOURCE_EXHAUSTED", "overloaded"],
    ["UNAVAILABLE", "unavailable"],
    ["UNAUTHENTICATED", "forbidden"],
    ["INTERNAL", "other"],
  ] as const) {
    fail = new GrpcError(status, "no");
    assert.equal(reasonOf(await sendOne(carrier, server.port)), reason, status);
  }
  const elsewhere = makeGrpcCarrier({ ...options, path: "/test.Service/Other" });
  assert.equal(reasonOf(await sendOne(elsewhere, server.port)), "unsupported");
  const lane = await carrier.open({ host, port: server.port });
  assert.ok(lane.isOpen);
  await server.close(0);
  assert.match(reasonOf(await lane.send(payload)), /^un(?:answered|available)$/);
  assert.ok(!lane.isOpen, "another lane has to be opened");
  lane.close();
});

test("a carrier by TChannel hears what an answer means", async () => {
  let answer: () => Promise<Uint8Array> = () => Promise.resolve(writeSubmitResult(1));
  const server = await openTChannelServer({
    name: "test",
    hostPort: any,
    services: new Map([["Collector::submitBatches", () => answer()]]),
    log: silentLog,
    onBug,
  });
  const carrier = makeTChannelCarrier(systemClock);
  assert.equal(reasonOf(await sendOne(carrier, server.port)), "accepted");
  for (const [code, reason] of [
    ["overloaded", "overloaded"],
    ["unavailable", "unavailable"],
    ["bad-input", "invalid"],
  ] as const) {
    answer = () => Promise.reject(new SpoorError(code, "no"));
    assert.equal(reasonOf(await sendOne(carrier, server.port)), reason, code);
  }
  answer = () => Promise.resolve(Uint8Array.of(0xff));
  assert.equal(reasonOf(await sendOne(carrier, server.port)), "accepted");
  answer = () => {
    const no = writeSubmitResult(1);
    no[11] = 0;
    return Promise.resolve(no);
  };
  assert.equal(reasonOf(await sendOne(carrier, server.port)), "other");
  const lane = await carrier.open({ host, port: server.port });
  await server.close(0);
  assert.equal(reasonOf(await lane.send(payload)), "unanswered");
  assert.ok(!lane.isOpen);
  lane.close();
});

test("a carrier by UDP hears of nothing but that nobody listens, and that it is too long", async () => {
  const carrier = makeUdpCarrier(write);
  const free = createSocket("udp4").bind(0, host);
  await once(free, "listening");
  const { port } = free.address();
  await new Promise<void>((resolve) => {
    free.close(resolve);
  });
  const lane = await carrier.open({ host, port });
  const verdicts: string[] = [];
  for (let count = 0; count < 50 && !verdicts.includes("unavailable"); count++) {
    verdicts.push(reasonOf(await lane.send(payload)));
  }
  assert.equal(verdicts[0], UNACKNOWLEDGED.is);
  assert.equal(verdicts.at(-1), "unavailable");
  lane.close();
  const other = await carrier.open({ host, port });
  const long = await other.send(new Uint8Array(70_000));
  assert.equal(reasonOf(long), "too-large");
  other.close();
});

test("makeReadOtlpAnswer() hears what was left out, and takes what does not read for a yes", async () => {
  for (const [protocol, none, some] of [
    [
      "otlp-http",
      writeExportAnswer({ spans: 0, message: "" }),
      writeExportAnswer({ spans: 2, message: "no id" }),
    ],
    [
      "otlp-json",
      Buffer.from(writeExportAnswerJson({ spans: 0, message: "" })),
      Buffer.from(writeExportAnswerJson({ spans: 2, message: "no id" })),
    ],
  ] as const) {
    let body: Uint8Array = none;
    const server = await openHttpServer({
      name: "test",
      hostPort: any,
      routes: [{ method: "POST", path: "/v1/traces", handle: () => ({ status: 200, body }) }],
      log: silentLog,
      onBug,
    });
    const carrier = await openCarrier(protocol, systemClock);
    assert.deepEqual(await sendOne(carrier, server.port), ACCEPTED);
    body = some;
    assert.deepEqual(await sendOne(carrier, server.port), {
      ...refused("partial", "no id"),
      spans: 2,
    });
    body = Buffer.from("<html>");
    assert.deepEqual(await sendOne(carrier, server.port), ACCEPTED);
    await server.close(0);
  }
  const read = makeReadOtlpAnswer(() => {
    throw new TypeError("a bug");
  });
  assert.throws(() => read(payload), TypeError);
});
