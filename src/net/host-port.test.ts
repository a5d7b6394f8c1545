// Addresses as operators write them.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseHostPort, printHostPort } from "./host-port.ts";

const good: readonly (readonly [text: string, host: string, port: number])[] = [
  ["127.0.0.1:4317", "127.0.0.1", 4317],
  [":4317", "the-default", 4317],
  [":0", "the-default", 0],
  ["[::1]:4317", "::1", 4317],
  ["[::]:65535", "::", 65535],
  ["collector.tracing.svc:14268", "collector.tracing.svc", 14268],
  [" 0.0.0.0:80 ", "0.0.0.0", 80],
];

for (const [text, host, port] of good) {
  test(`parseHostPort() reads "${text}"`, () => {
    assert.deepEqual(parseHostPort(text, "the-default"), { host, port });
  });
}

test("parseHostPort() takes an empty text for a door that is off", () => {
  assert.equal(parseHostPort("", "127.0.0.1"), undefined);
  assert.equal(parseHostPort("  ", "127.0.0.1"), undefined);
});

const bad: readonly (readonly [text: string, why: RegExp])[] = [
  ["localhost", /no port in "localhost", expected host:port/],
  ["4317", /no port/],
  ["localhost:", /a port that is not 0\.\.65535/],
  ["localhost:65536", /a port that is not/],
  ["localhost:-1", /a port that is not/],
  ["localhost:80a", /a port that is not/],
  ["localhost:123456", /a port that is not/],
  ["::1:80", /an IPv6 host without brackets/],
  ["[::1:80", /unbalanced brackets/],
  ["[]:80", /unbalanced brackets/],
  ["http://localhost:80", /an IPv6 host without brackets|a character that no host has/],
  ["a b:80", /a character that no host has/],
];

for (const [text, why] of bad) {
  test(`parseHostPort() refuses "${text}"`, () => {
    assert.throws(() => parseHostPort(text, "127.0.0.1"), { code: "bad-input", message: why });
  });
}

test("printHostPort() is read back by parseHostPort()", () => {
  const hosts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  fc.assert(
    fc.property(hosts, fc.integer({ min: 0, max: 65_535 }), (host, port) => {
      assert.deepEqual(parseHostPort(printHostPort({ host, port }), "x"), { host, port });
    }),
  );
});
