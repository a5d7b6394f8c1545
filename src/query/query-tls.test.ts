// Both doors of the query service behind TLS, by their flags: with and without a client's certificate.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as https from "node:https";
import { join } from "node:path";
import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { makeTrace } from "../../test/make-trace.ts";
import { openTestQuery } from "../../test/open-query.ts";

const golden = (name: string): string => join(import.meta.dirname, "../../test/golden/tls", name);
const [ca, cert, key] = ["ca.pem", "client.pem", "client.key"].map((name) =>
  readFileSync(golden(name)),
) as [Buffer, Buffer, Buffer];

const flagsOf = (isMutual: boolean): string[] =>
  ["query.http", "query.grpc"].flatMap((door) => [
    `--${door}.tls.enabled=true`,
    `--${door}.tls.cert=${golden("server.pem")}`,
    `--${door}.tls.key=${golden("server.key")}`,
    ...(isMutual ? [`--${door}.tls.client-ca=${golden("ca.pem")}`] : []),
  ]);

interface Own {
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** The status of /api/services. */
function askHttp(port: number, own: Own): Promise<number> {
  const options = { host: "127.0.0.1", port, path: "/api/services", ca, agent: false, ...own };
  return new Promise((resolve, reject) => {
    https
      .get(options, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
      .on("error", reject);
  });
}

/** The status of GetServices. */
function askGrpc(port: number, { cert, key }: Own): Promise<number> {
  const credentials = grpc.credentials.createSsl(ca, key ?? null, cert ?? null);
  const client = new grpc.Client(`127.0.0.1:${port}`, credentials);
  const identity = (bytes: Buffer): Buffer => bytes;
  const path = "/jaeger.api_v2.QueryService/GetServices";
  return new Promise((resolve) => {
    const deadline = Date.now() + 10_000;
    client.makeUnaryRequest(path, identity, identity, Buffer.alloc(0), { deadline }, (error) => {
      client.close();
      resolve(error?.code ?? 0);
    });
  });
}

test("--query.{http,grpc}.tls.enabled opens both doors with TLS", async () => {
  await using query = await openTestQuery(flagsOf(false), [makeTrace({ id: 1 })]);
  assert.equal(await askHttp(query.httpPort, {}), 200);
  assert.equal(await askGrpc(query.grpcPort, {}), grpc.status.OK);
});

test("--query.{http,grpc}.tls.client-ca lets in who has a certificate, and nobody else", async () => {
  await using query = await openTestQuery(flagsOf(true), [makeTrace({ id: 1 })]);
  assert.equal(await askHttp(query.httpPort, { cert, key }), 200);
  assert.equal(await askGrpc(query.grpcPort, { cert, key }), grpc.status.OK);
  await assert.rejects(askHttp(query.httpPort, {}));
  assert.equal(await askGrpc(query.grpcPort, {}), grpc.status.UNAVAILABLE);
});
