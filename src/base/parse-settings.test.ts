// Every rule of where a setting comes from, and every line that ends a start, as rows.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Environment,
  type SettingsFile,
  parseSettings,
  printSource,
} from "./parse-settings.ts";
import { type Settings, deprecatedAlias, ignored, setting } from "./settings.ts";

const help = "";
const table = {
  "listen.host": setting("string", "127.0.0.1", { help }),
  "a.host-port": setting("host-port", ":1000", {
    help,
    aliases: [deprecatedAlias("a.port", "port"), deprecatedAlias("a.address")],
    onlyIf: "a.enabled",
  }),
  "a.enabled": setting("bool", true, { help }),
  "a.queue-size": setting("count", 5, { help, max: 100 }),
  "a.max-bytes": setting("bytes", "1MiB", {
    help,
    aliases: [{ name: "a.memory", as: "mib", deprecated: false }],
  }),
  "a.tls.enabled": setting("bool", false, { help, aliases: [deprecatedAlias("a.tls")] }),
  "a.tags": setting("tags", "", { help }),
  "a.list": setting("list", "", { help }),
  "a.headers": setting("headers", "", { help }),
  "a.timeout": setting("duration", "2s", { help }),
  "a.path": setting("string", "/", {
    help,
    check: (path) => (path.startsWith("/") ? undefined : "a path"),
  }),
  "a.deadlockInterval": setting("duration", "0s", { help }),
  "a.workers": ignored("value", "there are none"),
  "a.gate": ignored("no value", "there are none"),
} satisfies Settings;
const elsewhere = { "b.path": setting("string", "", { help }) } satisfies Settings;

interface Given {
  readonly argv?: readonly string[];
  readonly env?: Environment;
  readonly file?: unknown;
}

function parse({
  argv = [],
  env = {},
  file,
}: Given): ReturnType<typeof parseSettings<typeof table>> {
  const given: SettingsFile = { path: "conf.yaml", values: file };
  return parseSettings({
    table,
    argv,
    env,
    file: file === undefined ? undefined : given,
    elsewhere,
  });
}

type Name = keyof ReturnType<typeof parse>["config"];
const on = (port: number, host = "127.0.0.1"): object => ({ host, port });

const precedence: readonly (readonly [what: string, Given, Name, value: unknown, from: string])[] =
  [
    ["a default", {}, "a.queue-size", 5, "default"],
    ["--name=value", { argv: ["--a.queue-size=7"] }, "a.queue-size", 7, "flag --a.queue-size"],
    ["--name value", { argv: ["--a.queue-size", "7"] }, "a.queue-size", 7, "flag --a.queue-size"],
    ["-name=value", { argv: ["-a.queue-size=7"] }, "a.queue-size", 7, "flag --a.queue-size"],
    ["-name value", { argv: ["-a.queue-size", "7"] }, "a.queue-size", 7, "flag --a.queue-size"],
    ["a value with =", { argv: ["--a.path=/x=y"] }, "a.path", "/x=y", "flag --a.path"],
    [
      "an empty value",
      { argv: ["--a.host-port="] },
      "a.host-port",
      undefined,
      "flag --a.host-port",
    ],
    ["a value in two lines", { argv: ["--a.path=/\n"] }, "a.path", "/\n", "flag --a.path"],
    [
      "a boolean alone",
      { argv: ["--a.tls.enabled"] },
      "a.tls.enabled",
      true,
      "flag --a.tls.enabled",
    ],
    ["=false", { argv: ["--a.enabled=false"] }, "a.enabled", false, "flag --a.enabled"],
    ["the last of two", { argv: ["--a.path=/1", "--a.path=/2"] }, "a.path", "/2", "flag --a.path"],
    [
      "all of a list",
      { argv: ["--a.list=1,2", "--a.list=3"] },
      "a.list",
      ["1", "2", "3"],
      "flag --a.list",
    ],
    [
      "all tags",
      { argv: ["--a.tags=x=1", "--a.tags=y=2"] },
      "a.tags",
      new Map([
        ["x", "1"],
        ["y", "2"],
      ]),
      "flag --a.tags",
    ],
    [
      "all headers",
      { argv: ["--a.headers=A: 1", "--a.headers=A: 2,3"] },
      "a.headers",
      [
        ["A", "1"],
        ["A", "2,3"],
      ],
      "flag --a.headers",
    ],
    [
      "a variable",
      { env: { A_QUEUE_SIZE: "8" } },
      "a.queue-size",
      8,
      "environment variable A_QUEUE_SIZE",
    ],
    [
      "flag over variable",
      { argv: ["--a.queue-size=7"], env: { A_QUEUE_SIZE: "8" } },
      "a.queue-size",
      7,
      "flag --a.queue-size",
    ],
    [
      "flag over a bad variable",
      { argv: ["--a.queue-size=7"], env: { A_QUEUE_SIZE: "x" } },
      "a.queue-size",
      7,
      "flag --a.queue-size",
    ],
    [
      "variable over file",
      { env: { A_QUEUE_SIZE: "8" }, file: { a: { "queue-size": 9 } } },
      "a.queue-size",
      8,
      "environment variable A_QUEUE_SIZE",
    ],
    [
      "no empty variable",
      { env: { A_QUEUE_SIZE: "" }, file: { a: { "queue-size": 9 } } },
      "a.queue-size",
      9,
      "key a.queue-size in conf.yaml",
    ],
    [
      "an empty variable for a door",
      { env: { A_HOST_PORT: "" } },
      "a.host-port",
      undefined,
      "environment variable A_HOST_PORT",
    ],
    [
      "dotted keys",
      { file: { "a.queue-size": "9" } },
      "a.queue-size",
      9,
      "key a.queue-size in conf.yaml",
    ],
    [
      "half nested keys",
      { file: { a: { "tls.enabled": true } } },
      "a.tls.enabled",
      true,
      "key a.tls.enabled in conf.yaml",
    ],
    [
      "keys in any case",
      { file: { a: { deadlockinterval: "1s" } } },
      "a.deadlockInterval",
      1_000,
      "key a.deadlockinterval in conf.yaml",
    ],
    ["no null of a file", { file: { a: { "queue-size": null } } }, "a.queue-size", 5, "default"],
    ["an empty file", { file: null }, "a.queue-size", 5, "default"],
    ["another role's key", { file: { b: { path: "/x" } } }, "a.queue-size", 5, "default"],
    [
      "a list of a file",
      { file: { a: { list: ["x", 1] } } },
      "a.list",
      ["x", "1"],
      "key a.list in conf.yaml",
    ],
    [
      "tags of a file",
      { file: { a: { tags: { x: 1 } } } },
      "a.tags",
      new Map([["x", "1"]]),
      "key a.tags in conf.yaml",
    ],
    [
      "tags from a variable",
      { argv: ["--a.tags=h=${HOME:none}"], env: { HOME: "here" } },
      "a.tags",
      new Map([["h", "here"]]),
      "flag --a.tags",
    ],
    // Old names.
    ["an old port", { argv: ["--a.port=99"] }, "a.host-port", on(99), "flag --a.port"],
    ["an old port with colon", { argv: ["--a.port=:99"] }, "a.host-port", on(99), "flag --a.port"],
    ["old port 0 as not set", { argv: ["--a.port=0"] }, "a.host-port", on(1000), "default"],
    ["an empty old port as not set", { env: { A_PORT: "" } }, "a.host-port", on(1000), "default"],
    [
      "an old port variable",
      { env: { A_PORT: "99" } },
      "a.host-port",
      on(99),
      "environment variable A_PORT",
    ],
    [
      "no Kubernetes service variable",
      { env: { A_PORT: "tcp://10.0.0.1:80" } },
      "a.host-port",
      on(1000),
      "default",
    ],
    [
      "an old port of a file",
      { file: { a: { port: 99 } } },
      "a.host-port",
      on(99),
      "key a.port in conf.yaml",
    ],
    [
      "the second old name",
      { argv: ["--a.address=h:1"] },
      "a.host-port",
      on(1, "h"),
      "flag --a.address",
    ],
    [
      "the own name over the old",
      { argv: ["--a.port=99", "--a.host-port=:98"] },
      "a.host-port",
      on(98),
      "flag --a.host-port",
    ],
    [
      "an old flag over the variable",
      { argv: ["--a.port=99"], env: { A_HOST_PORT: ":98" } },
      "a.host-port",
      on(99),
      "flag --a.port",
    ],
    ["an old boolean", { argv: ["--a.tls"] }, "a.tls.enabled", true, "flag --a.tls"],
    [
      "an old boolean of a file",
      { file: { a: { tls: true } } },
      "a.tls.enabled",
      true,
      "key a.tls in conf.yaml",
    ],
    ["MiB", { argv: ["--a.memory=3"] }, "a.max-bytes", 3 * 2 ** 20, "flag --a.memory"],
    ["0 MiB as not set", { argv: ["--a.memory=0"] }, "a.max-bytes", 2 ** 20, "default"],
    // Hosts.
    [
      "listen.host for an empty host",
      { argv: ["--listen.host=::", "--a.host-port=:5"] },
      "a.host-port",
      on(5, "::"),
      "flag --a.host-port",
    ],
    [
      "listen.host for a default",
      { env: { LISTEN_HOST: "0.0.0.0" } },
      "a.host-port",
      on(1000, "0.0.0.0"),
      "default",
    ],
    [
      "an explicit host over listen.host",
      { argv: ["--listen.host=::", "--a.host-port=h:5"] },
      "a.host-port",
      on(5, "h"),
      "flag --a.host-port",
    ],
    [
      "no door when its switch is off",
      { argv: ["--a.enabled=false", "--a.host-port=h:5"] },
      "a.host-port",
      undefined,
      "flag --a.host-port",
    ],
  ];
for (const [what, given, name, value, from] of precedence) {
  test(`parseSettings() takes ${what}`, () => {
    const { config, sources } = parse(given);
    assert.deepEqual(config[name], value);
    const source = sources.get(name);
    assert.equal(source === undefined ? "" : printSource(source), from);
  });
}

const HOST_PORT =
  'expected host:port or :port with a port from 0 to 65535 (IPv6 in brackets), or nothing for "off"';
const refused: readonly (readonly [given: Given, line: string])[] = [
  [
    { argv: ["--a.queue-sise=1"] },
    "unknown flag --a.queue-sise; the nearest known is --a.queue-size; --help lists all",
  ],
  [{ argv: ["-q"] }, "unknown flag --q; --help lists all"],
  [
    { argv: ["--b.path=/"] },
    "unknown flag --b.path: it belongs to another command; --help lists all",
  ],
  [{ argv: ["--a.queue-size"] }, "flag --a.queue-size needs a value"],
  [
    { argv: ["--a.enabled", "false"] },
    'unexpected argument "false"; a value of --a.enabled is written --a.enabled=false',
  ],
  [{ argv: ["x"] }, 'unexpected argument "x"; flags are written --name=value'],
  [{ argv: ["--"] }, 'unexpected argument "--"; flags are written --name=value'],
  [{ argv: ["---x"] }, 'unexpected argument "---x"; flags are written --name=value'],
  [{ argv: ["--=x"] }, 'unexpected argument "--=x"; flags are written --name=value'],
  [{ argv: ["--__proto__=1"] }, "unknown flag --__proto__; --help lists all"],
  [
    { argv: ["--a.queue-size=101"] },
    'bad value "101" of a.queue-size (flag --a.queue-size): expected a value from 0 to 100',
  ],
  [
    { env: { A_QUEUE_SIZE: "x" } },
    'bad value "x" of a.queue-size (environment variable A_QUEUE_SIZE): expected a whole number from 0 to 100',
  ],
  [
    { file: { a: { "queue-size": 1.5 } } },
    'bad value "1.5" of a.queue-size (key a.queue-size in conf.yaml): expected a whole number from 0 to 100',
  ],
  [{ argv: ["--a.port=x"] }, `bad value "x" of a.host-port (flag --a.port): ${HOST_PORT}`],
  [
    { env: { A_PORT: "70000" } },
    `bad value "70000" of a.host-port (environment variable A_PORT): ${HOST_PORT}`,
  ],
  [{ argv: ["--a.path=x"] }, 'bad value "x" of a.path (flag --a.path): expected a path'],
  [
    { argv: [`--a.timeout=${"9".repeat(300)}`] },
    `bad value "${"9".repeat(100)}…" of a.timeout (flag --a.timeout): expected a duration with a unit such as 300ms, 1.5s or 1h2m`,
  ],
  [
    { file: { a: { timeout: 5 } } },
    'bad value "5" of a.timeout (key a.timeout in conf.yaml): expected a duration with a unit such as 300ms, 1.5s or 1h2m',
  ],
  [
    { file: { a: { "queue-size": [1] } } },
    'bad value "[1]" of a.queue-size (key a.queue-size in conf.yaml): expected one value, not a list',
  ],
  [
    { file: { a: { timeout: new Date(0) } } },
    'bad value "\\"1970-01-01T00:00:00.000Z\\"" of a.timeout (key a.timeout in conf.yaml): expected a string, a number or a boolean',
  ],
  [
    { file: { a: { queuesize: 1 } } },
    "unknown key a.queuesize in conf.yaml; the nearest known is a.queue-size; --help lists all",
  ],
  [{ file: { a: 1 } }, "unknown key a in conf.yaml; --help lists all"],
  [
    { file: { a: { "queue-size": { x: 1 } } } },
    "unknown key a.queue-size.x in conf.yaml; the nearest known is a.queue-size; --help lists all",
  ],
  [
    { file: JSON.parse('{"__proto__": {"a": 1}}') },
    "unknown key __proto__.a in conf.yaml; --help lists all",
  ],
  [{ file: { "a.path": "/1", a: { path: "/2" } } }, "key a.path stands twice in conf.yaml"],
  [{ file: "text" }, "conf.yaml: expected keys with values"],
  [{ file: [1] }, "conf.yaml: expected keys with values"],
  [
    { file: Object.fromEntries(Array.from({ length: 2_001 }, (_, i) => [`k${i}`, null])) },
    "conf.yaml holds more than 2000 keys and 16 levels",
  ],
  [
    { file: JSON.parse(`${'{"a":'.repeat(18)}1${"}".repeat(18)}`) },
    "conf.yaml holds more than 2000 keys and 16 levels",
  ],
];
for (const [given, message] of refused) {
  test(`parseSettings() ends the start: ${message.slice(0, 90)}`, () => {
    assert.throws(() => parse(given), { code: "bad-input", message });
  });
}

const warned: readonly (readonly [given: Given, lines: readonly string[]])[] = [
  [{}, []],
  [
    { argv: ["--a.workers=5", "--a.gate"] },
    [
      "flag --a.workers has no effect: there are none",
      "flag --a.gate has no effect: there are none",
    ],
  ],
  [{ env: { A_WORKERS: "5" } }, ["environment variable A_WORKERS has no effect: there are none"]],
  [{ file: { a: { workers: 5 } } }, ["key a.workers in conf.yaml has no effect: there are none"]],
  [{ argv: ["--a.port=5"] }, ["flag --a.port is an old name; use a.host-port"]],
  [{ argv: ["--a.memory=5"] }, []],
  [{ env: { A_SOMETHING: "1", A_: "2" } }, []],
];
for (const [given, lines] of warned) {
  test(`parseSettings() warns of ${JSON.stringify(given)}`, () => {
    assert.deepEqual(parse(given).warnings, lines);
  });
}

test("parseSettings() keeps doors on loopback where no listen.host is known", () => {
  const doors = { door: setting("host-port", ":5", { help }) };
  const { config } = parseSettings({ table: doors, argv: [], env: {} });
  assert.deepEqual(config.door, { host: "127.0.0.1", port: 5 });
});

test("parseSettings() gives one line or a config for any arguments and file", () => {
  const word = fc.oneof(
    fc.constantFrom("--a.tags", "-a.list", "a", "a.path", "--", "tls", "enabled", "port", "="),
    fc.string({ maxLength: 8 }),
  );
  fc.assert(
    fc.property(
      fc.array(word),
      fc.dictionary(word, fc.jsonValue({ maxDepth: 3 })),
      (argv, file) => {
        try {
          parse({ argv, file });
        } catch (error) {
          assert.equal((error as { code?: string }).code, "bad-input", String(error));
        }
      },
    ),
  );
});

test("parseSettings() says whose help lists the names", () => {
  const door = { door: setting("host-port", ":5", { help }) };
  const start = { table: door, command: "collector", argv: ["--dor=x"], env: {} };
  const message =
    "unknown flag --dor; the nearest known is --door; spoor collector --help lists all";
  assert.throws(() => parseSettings(start), { code: "bad-input", message });
});
