// Rows of a settings table, and the types that follow from them.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostPort } from "./host-port.ts";
import { type ConfigOf, deprecatedAlias, envNameOf, ignored, setting } from "./settings.ts";

const help = "";

test("setting() parses a default as it parses a given value", () => {
  assert.equal(setting("duration", "1m", { help }).default, 60_000);
  assert.equal(setting("bytes", "4MiB", { help }).default, 4_194_304);
  assert.equal(setting("bytes", "4MiB", { help }).defaultText, "4MiB");
  assert.deepEqual(setting("host-port", ":1", { help }).default, { host: "", port: 1 });
  assert.equal(setting("choice", "a", { help, choices: ["a", "b"] }).default, "a");
});

test("setting() refuses a default that its own limits or check refuse", () => {
  assert.throws(() => setting("count", 0, { help, min: 1 }));
  assert.throws(() => setting("string", "x", { help, check: () => "anything else" }), /default x/);
});

test("ConfigOf infers a table's values and leaves ignored names out", () => {
  const table = {
    address: setting("host-port", "", { help }),
    level: setting("choice", "a", { help, choices: ["a", "b"] }),
    old: ignored("value", "gone"),
  };
  type Config = ConfigOf<typeof table>;
  const config: Config = { address: undefined, level: "b" };
  const address: HostPort | undefined = config.address;
  // @ts-expect-error: an ignored name has no value
  assert.equal(config.old, undefined);
  // @ts-expect-error: not one of the choices
  const wrong: Config = { address, level: "c" };
  assert.equal(wrong.address, undefined);
});

test("ignored() and deprecatedAlias() say how a name is used", () => {
  assert.deepEqual(ignored("no value", "x"), { kind: "ignored", takesValue: false, because: "x" });
  assert.deepEqual(deprecatedAlias("a"), { name: "a", as: "same", deprecated: true });
  assert.deepEqual(deprecatedAlias("a", "port"), { name: "a", as: "port", deprecated: true });
});

test("envNameOf() gives Jaeger's spelling", () => {
  assert.equal(envNameOf("collector.queue-size"), "COLLECTOR_QUEUE_SIZE");
  assert.equal(envNameOf("multi_tenancy.enabled"), "MULTI_TENANCY_ENABLED");
});
