// The names and the contradictions of TLS and CORS groups.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSettings } from "./parse-settings.ts";
import { deprecatedAlias } from "./settings.ts";
import { corsSettings, tlsConfigOf, tlsSettings } from "./settings-groups.ts";

const table = {
  ...tlsSettings("a.b", { enabled: [deprecatedAlias("a.b.tls")] }),
  ...tlsSettings("c"),
  ...corsSettings("a.b", { origins: [deprecatedAlias("a.b.allowed-origins")] }),
};

function tlsOf(...argv: readonly string[]): ReturnType<typeof tlsConfigOf> {
  return tlsConfigOf(parseSettings({ table, argv, env: {} }).config, "a.b");
}

test("tlsSettings() and corsSettings() make Jaeger's names", () => {
  assert.deepEqual(
    Object.keys(table).filter((name) => name.startsWith("a.b")),
    [
      "a.b.tls.enabled",
      "a.b.tls.cert",
      "a.b.tls.key",
      "a.b.tls.client-ca",
      "a.b.tls.min-version",
      "a.b.tls.max-version",
      "a.b.tls.cipher-suites",
      "a.b.tls.reload-interval",
      "a.b.cors.allowed-origins",
      "a.b.cors.allowed-headers",
    ],
  );
});

test("tlsConfigOf() gives nothing for a plain door", () => {
  assert.equal(tlsOf(), undefined);
  assert.equal(tlsOf("--a.b.tls.min-version=1.2"), undefined);
});

test("tlsConfigOf() gives the group of its own prefix", () => {
  const given = ["enabled", "cert=c", "key=k", "client-ca=a", "min-version=1.2", "max-version=1.3"];
  const more = ["cipher-suites=x,y", "reload-interval=1m"];
  const flags = [...given, ...more].map((flag) => `--a.b.tls.${flag}`);
  assert.deepEqual(tlsOf(...flags, "--c.tls.cert=other"), {
    enabled: true,
    cert: "c",
    key: "k",
    clientCa: "a",
    minVersion: "1.2",
    maxVersion: "1.3",
    cipherSuites: ["x", "y"],
    reloadIntervalMs: 60_000,
  });
});

const refused: readonly (readonly [flags: readonly string[], line: string])[] = [
  [["--a.b.tls.enabled"], "a.b.tls: both cert and key are needed"],
  [["--a.b.tls", "--a.b.tls.cert=c"], "a.b.tls: both cert and key are needed"],
  [["--a.b.tls.cert=c"], "a.b.tls: files are given, but a.b.tls.enabled is not true"],
  [["--a.b.tls.client-ca=c"], "a.b.tls: files are given, but a.b.tls.enabled is not true"],
  [
    ["enabled", "cert=c", "key=k", "min-version=1.3", "max-version=1.2"].map(
      (f) => `--a.b.tls.${f}`,
    ),
    "a.b.tls: min-version 1.3 is above max-version 1.2",
  ],
];
for (const [flags, message] of refused) {
  test(`tlsConfigOf() refuses ${flags.join(" ")}`, () => {
    assert.throws(() => tlsOf(...flags), { code: "bad-input", message });
  });
}
