// Doors with TLS, and peers that do not speak it, or stop half way.

import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import * as http2 from "node:http2";
import * as https from "node:https";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import * as tls from "node:tls";
import { openRawPeer } from "../../test/raw-peer.ts";
import { silentLog } from "../base/log.ts";
import { openGrpcServer } from "./grpc-server.ts";
import { openHttpServer } from "./http-server.ts";

const golden = (name: string) => join(import.meta.dirname, "../../test/golden/tls", name);
const ca = readFileSync(golden("ca.pem"));
const host = "127.0.0.1";

type Open = (files?: { cert: string; key: string }) => Promise<Door>;

const options = {
  name: "test",
  hostPort: { host, port: 0 },
  log: silentLog,
  onBug: (error: unknown) => assert.fail(`a bug: ${String(error)}`),
  tls: {
    enabled: true,
    cert: golden("server.pem"),
    key: golden("server.key"),
    clientCa: "",
    minVersion: "",
    maxVersion: "",
    cipherSuites: [],
    reloadIntervalMs: 0,
  },
};

interface Door {
  readonly port: number;
  /** "ok" if a peer that behaves is served. */
  readonly ask: () => Promise<string>;
  readonly close: (graceMs: number) => Promise<void>;
}

const doors: readonly (readonly [what: string, open: Open])[] = [
  ["openHttpServer()", openHttp],
  ["openGrpcServer()", openGrpc],
];

async function openHttp(files = {}): Promise<Door> {
  const server = await openHttpServer({
    ...options,
    tls: { ...options.tls, ...files, reloadIntervalMs: 5 },
    routes: [{ method: "GET", path: "/", handle: () => ({ status: 200, body: "ok" }) }],
    limits: { headersTimeoutMs: 60 },
  });
  const ask = async () => {
    const request = https.get({ host: "localhost", port: server.port, ca, agent: false });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return Buffer.concat(await response.toArray()).toString();
  };
  return { port: server.port, ask, close: (graceMs) => server.close(graceMs) };
}

async function openGrpc(files = {}): Promise<Door> {
  const server = await openGrpcServer({
    ...options,
    tls: { ...options.tls, ...files, reloadIntervalMs: 5 },
    services: [
      { name: "test.Service", methods: { Ok: { kind: "unary", handle: () => Buffer.from("ok") } } },
    ],
    limits: { handshakeTimeoutMs: 60, keepaliveTimeoutMs: 60 },
  });
  const ask = async () => {
    const session = http2.connect(`https://localhost:${server.port}`, { ca });
    const stream = session.request({
      ":method": "POST",
      ":path": "/test.Service/Ok",
      "content-type": "application/grpc",
    });
    stream.end(Buffer.alloc(5));
    const answer = Buffer.concat(await stream.toArray());
    session.close();
    return answer.subarray(5).toString();
  };
  return { port: server.port, ask, close: (graceMs) => server.close(graceMs) };
}

/** The name in the certificate that the door shows. */
async function nameOf(port: number): Promise<string> {
  const socket = tls.connect({ port, host: "localhost", ca, ALPNProtocols: ["h2", "http/1.1"] });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

const HELLO = Buffer.from("16030100a5010000a10303" + "00".repeat(40), "hex");

const strangers: readonly (readonly [what: string, bytes: string | Uint8Array])[] = [
  ["plain HTTP/1", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["plain HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["nothing", ""],
  ["half a hello", HELLO],
  ["a hello of 16 MiB", Buffer.from("16030140000100ffffff0303", "hex")],
];

for (const [name, open] of doors) {
  const setUp = async (t: TestContext) => {
    const door = await open();
    t.after(() => door.close(0));
    return door;
  };

  for (const [what, bytes] of strangers) {
    test(`${name} with TLS cuts off who sends ${what}`, async (t) => {
      const door = await setUp(t);
      const peer = await openRawPeer(door.port);
      peer.write(bytes);
      await peer.untilClosed();
      peer.socket.destroy();
      assert.equal(await door.ask(), "ok");
    });
  }

  test(`${name} with TLS shows a new certificate as soon as its files change`, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), "spoor-tls-"));
    const files = { cert: join(dir, "cert.pem"), key: join(dir, "cert.key") };
    const put = (server: string) => {
      copyFileSync(golden(`${server}.key`), files.key);
      copyFileSync(golden(`${server}.pem`), files.cert);
    };
    put("server");
    const door = await open(files);
    t.after(async () => {
      await door.close(0);
      rmSync(dir, { recursive: true });
    });
    assert.equal(await nameOf(door.port), "server one");
    put("server-two");
    let shown = "";
    for (let turn = 0; turn < 1_000 && shown !== "server two"; turn++) {
      shown = await nameOf(door.port);
    }
    assert.equal(shown, "server two");
    assert.equal(await door.ask(), "ok");
  });

  test(`close() of ${name} with TLS does not wait for peers in their handshake`, async () => {
    const door = await open();
    const peers = await Promise.all([1, 2, 3].map(() => openRawPeer(door.port)));
    peers[1]?.write(HELLO);
    const closed = door.close(2_000);
    await Promise.all(peers.map((peer) => peer.untilClosed()));
    for (const peer of peers) peer.socket.destroy();
    await closed;
  });
}
