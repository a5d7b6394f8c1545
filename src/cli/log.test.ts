// Lines of the log in both forms, and which levels are shown.

import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Clock } from "../base/clock.ts";
import { type OpenLog, LOG_LEVELS, isLogLevel, makeLog, openLineWriter } from "./log.ts";

const clock: Clock = { nowUs: () => 1_700_000_000_123_456, monotonicMs: () => 0 };

function open(
  level: (typeof LOG_LEVELS)[number],
  encoding: "json" | "console",
): [OpenLog, string[]] {
  const lines: string[] = [];
  return [makeLog({ level, encoding, clock, write: (line) => lines.push(line) }), lines];
}

test("makeLog() writes JSON with the names that zap gives", () => {
  const [log, lines] = open("debug", "json");
  log.info("a line\nor two", { door: "otlp", count: 2, isOn: true });
  log.error("bad");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    [
      {
        level: "info",
        ts: 1_700_000_000.123,
        msg: "a line\nor two",
        door: "otlp",
        count: 2,
        isOn: true,
      },
      { level: "error", ts: 1_700_000_000.123, msg: "bad" },
    ],
  );
  assert.ok(lines.every((line) => line.indexOf("\n") === line.length - 1));
});

test("makeLog() writes lines for people, with what could break a line quoted", () => {
  const [log, lines] = open("debug", "console");
  log.info("OTLP gRPC", { at: "127.0.0.1:4317", text: "a b\n", empty: "", pair: "a=b", count: 2 });
  log.debug("x");
  log.error("bug", { error: "e", stack: "Error: e\n    at x" });
  assert.deepEqual(lines, [
    '2023-11-14T22:13:20.123Z  info   OTLP gRPC             127.0.0.1:4317  text="a b\\n"  empty=""  pair="a=b"  count=2\n',
    "2023-11-14T22:13:20.123Z  debug  x\n",
    "2023-11-14T22:13:20.123Z  error  bug  error=e\nError: e\n    at x\n",
  ]);
});

const shown: Readonly<Record<(typeof LOG_LEVELS)[number], string>> = {
  debug: "debug info warn error fatal",
  info: "info warn error fatal",
  warn: "warn error fatal",
  error: "error fatal",
  dpanic: "fatal",
  panic: "fatal",
  fatal: "fatal",
};
for (const level of LOG_LEVELS) {
  test(`setLevel() to ${level} shows ${shown[level]}`, () => {
    const [log, lines] = open(level === "debug" ? "error" : "debug", "json");
    log.setLevel(level);
    assert.equal(log.level(), level);
    for (const write of ["debug", "info", "warn", "error", "fatal"] as const) log[write](write);
    assert.equal(
      lines.map((line) => (JSON.parse(line) as { msg: string }).msg).join(" "),
      shown[level],
    );
  });
}

test("isLogLevel() knows the levels and nothing else", () => {
  assert.ok(LOG_LEVELS.every(isLogLevel));
  assert.ok(!isLogLevel("trace") && !isLogLevel("") && !isLogLevel("toString"));
});

test("openLineWriter() has written a line when it returns", () => {
  const path = join(tmpdir(), `spoor-log-${process.pid}`);
  const fd = openSync(path, "w");
  openLineWriter(fd)("a line\n");
  assert.equal(readFileSync(path, "utf8"), "a line\n");
  closeSync(fd);
  rmSync(path);
});
