// TLS settings into real handshakes, with the certificates of test/golden/tls.

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as tls from "node:tls";
import { type Log, silentLog } from "../base/log.ts";
import { readTls, type TlsSettings, watchTls } from "./tls.ts";

const golden = (name: string) => join(import.meta.dirname, "../../test/golden/tls", name);
const ca = readFileSync(golden("ca.pem"));

const settings = (more: Partial<TlsSettings> = {}): TlsSettings => ({
  enabled: true,
  cert: golden("server.pem"),
  key: golden("server.key"),
  clientCa: "",
  minVersion: "",
  maxVersion: "",
  cipherSuites: [],
  reloadIntervalMs: 0,
  ...more,
});

/** `TLSv1.3 TLS_AES_256_GCM_SHA384 server one`, or the error's code. */
async function shake(more: Partial<TlsSettings>, client: tls.ConnectionOptions): Promise<string> {
  const server = tls.createServer(readTls(settings(more)), (socket) => {
    socket.on("error", () => {});
    socket.end(`${socket.getProtocol()} ${socket.getCipher().standardName}`);
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = tls.connect({ port, host: "localhost", ca, ...client });
  try {
    let got = "";
    socket.on("data", (chunk: Buffer) => (got += chunk.toString()));
    await once(socket, "end");
    const { CN } = socket.getPeerCertificate().subject;
    return `${got} ${String(CN)}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "no code";
  } finally {
    socket.destroy();
    server.close();
  }
}

const pem = (name: string) => ({
  cert: readFileSync(golden(`${name}.pem`)),
  key: readFileSync(golden(`${name}.key`)),
});
const GCM_128 = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
const CHACHA = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";

const handshakes: readonly (readonly [
  what: string,
  settings: Partial<TlsSettings>,
  client: tls.ConnectionOptions,
  outcome: RegExp,
])[] = [
  ["speaks TLS 1.3", {}, {}, /^TLSv1.3 \S+ server one$/],
  ["speaks TLS 1.2", {}, { maxVersion: "TLSv1.2" }, /^TLSv1.2 \S+ server one$/],
  ["does not speak TLS 1.1 by default", {}, old(), /ERR_SSL/],
  ["speaks TLS 1.1 when told to", { minVersion: "1.1" }, old(), /^TLSv1.1 /],
  ["keeps the lowest version", { minVersion: "1.3" }, { maxVersion: "TLSv1.2" }, /ERR_SSL/],
  ["keeps the highest version", { maxVersion: "1.2" }, {}, /^TLSv1.2 /],
  [
    "takes Go's names of suites",
    { maxVersion: "1.2", cipherSuites: [CHACHA] },
    {},
    new RegExp(`^TLSv1.2 ${CHACHA} `),
  ],
  ["leaves TLS 1.3 as it is", { cipherSuites: [GCM_128] }, {}, /^TLSv1.3 /],
  [
    "takes suites of TLS 1.3",
    { cipherSuites: ["TLS_CHACHA20_POLY1305_SHA256"] },
    {},
    /^TLSv1.3 TLS_CHACHA20_POLY1305_SHA256 /,
  ],
  [
    "refuses a client without the suite",
    { maxVersion: "1.2", cipherSuites: [GCM_128] },
    { ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" },
    /ERR_SSL/,
  ],
  ["lets a known client in", { clientCa: golden("ca.pem") }, pem("client"), /^TLSv1.3 /],
  ["keeps a nameless client out", { clientCa: golden("ca.pem") }, {}, /^(?!TLSv1)/],
  ["keeps a stranger out", { clientCa: golden("ca.pem") }, pem("stranger"), /^(?!TLSv1)/],
];

function old(): tls.ConnectionOptions {
  return { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" };
}

for (const [what, more, client, outcome] of handshakes) {
  test(`readTls() ${what}`, async () => {
    assert.match(await shake(more, client), outcome);
  });
}

const mistakes: readonly (readonly [Partial<TlsSettings>, RegExp])[] = [
  [{ cert: "" }, /^tls\.cert is empty, expected a PEM file$/],
  [{ key: "/no/such.key" }, /^tls\.key: cannot read \/no\/such\.key \(ENOENT\)$/],
  [{ cert: golden("README.md") }, /^tls\.cert: no PEM block in .*README\.md$/],
  [{ cert: golden("server.key") }, /^tls\.cert: .*server\.key holds no certificate/],
  [{ clientCa: golden("server.key") }, /^tls\.client-ca: .*server\.key holds no certificate/],
  [{ key: golden("client.key") }, /server\.pem and .*client\.key do not go together/],
  [{ minVersion: "1.4" }, /^tls\.min-version is "1\.4", expected 1\.0, 1\.1, 1\.2 or 1\.3$/],
  [{ maxVersion: "__proto__" }, /^tls\.max-version is "__proto__"/],
  [{ minVersion: "1.3", maxVersion: "1.2" }, /^tls\.min-version 1\.3 is above tls\.max-version/],
  [{ cipherSuites: ["RC4"] }, /^tls\.cipher-suites has "RC4", expected some of TLS_AES_128/],
];

for (const [more, message] of mistakes) {
  test(`readTls() says ${message.source.slice(0, 60)}`, () => {
    assert.throws(() => readTls(settings(more)), { code: "bad-input", message });
  });
}

test("watchTls() applies files that changed, and keeps the old ones when the new are bad", async () => {
  const dir = mkdtempSync(join(tmpdir(), "spoor-tls-"));
  const mine = { cert: join(dir, "cert.pem"), key: join(dir, "cert.key") };
  copyFileSync(golden("server.pem"), mine.cert);
  copyFileSync(golden("server.key"), mine.key);
  const applied = Promise.withResolvers<string>();
  const refused = Promise.withResolvers<string>();
  const log: Log = { ...silentLog, error: (message) => refused.resolve(message) };
  const stop = watchTls(settings({ ...mine, reloadIntervalMs: 5 }), log, (options) =>
    applied.resolve(String(options.cert)),
  );
  try {
    writeFileSync(mine.cert, "half a fil");
    assert.match(await refused.promise, /the old ones stay/);
    copyFileSync(golden("server-two.key"), mine.key);
    copyFileSync(golden("server-two.pem"), mine.cert);
    assert.equal(await applied.promise, readFileSync(golden("server-two.pem"), "utf8"));
  } finally {
    stop();
    rmSync(dir, { recursive: true });
  }
});
