// Addresses as people write them, read and printed again.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseHostPort, printHostPort } from "./host-port.ts";

const good: readonly (readonly [text: string, host: string, port: number])[] = [
  ["127.0.0.1:4317", "127.0.0.1", 4317],
  [":4317", "", 4317],
  ["4317", "", 4317],
  [":0", "", 0],
  ["[::1]:4317", "::1", 4317],
  ["[fe80::1%eth0]:1", "fe80::1%eth0", 1],
  ["[::]:65535", "::", 65_535],
  ["collector.tracing.svc:14268", "collector.tracing.svc", 14_268],
  [" 0.0.0.0:80 ", "0.0.0.0", 80],
];

for (const [text, host, port] of good) {
  test(`parseHostPort() reads "${text}"`, () => {
    assert.deepEqual(parseHostPort(text), { host, port });
  });
}

test("parseHostPort() takes an empty text for a door that is off", () => {
  assert.equal(parseHostPort(""), undefined);
  assert.equal(parseHostPort("  "), undefined);
});

const bad: readonly string[] = [
  "localhost",
  ":",
  "localhost:",
  "localhost:65536",
  "localhost:-1",
  "localhost:80a",
  "localhost:123456",
  "::1:80",
  "[::1:80",
  "[]:80",
  "http://localhost:80",
  "user@host:80",
  "a b:80",
];

for (const text of bad) {
  test(`parseHostPort() refuses "${text}"`, () => {
    const message =
      'host:port or :port with a port from 0 to 65535 (IPv6 in brackets), or nothing for "off"';
    assert.throws(() => parseHostPort(text), { code: "bad-input", message });
  });
}

test("printHostPort() is read back by parseHostPort()", () => {
  const hosts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  fc.assert(
    fc.property(hosts, fc.integer({ min: 0, max: 65_535 }), (host, port) => {
      assert.deepEqual(parseHostPort(printHostPort({ host, port })), { host, port });
    }),
  );
});
