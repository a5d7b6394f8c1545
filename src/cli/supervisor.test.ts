// Signals, bugs and late closers, on a process that only writes down its end.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import { makeLog } from "./log.ts";
import { type ProcessHandle, supervise } from "./supervisor.ts";

/** A process whose end is written down; `exit` must end the caller too, so it throws. */
class TestProcess extends EventEmitter implements ProcessHandle {
  readonly codes: number[] = [];
  readonly lines: string[] = [];
  readonly log = makeLog({
    level: "info",
    encoding: "json",
    clock: systemClock,
    write: (line) => this.lines.push((JSON.parse(line) as { msg: string }).msg),
  });

  exit(code: number): void {
    this.codes.push(code);
  }
}

test("supervise() closes with the grace it was given and exits 0 on SIGTERM and SIGINT", async () => {
  for (const signal of ["SIGTERM", "SIGINT"]) {
    const process = new TestProcess();
    const closed: number[] = [];
    const close = (graceMs: number): Promise<void> => Promise.resolve(void closed.push(graceMs));
    const opened = Promise.withResolvers<void>();
    const ended = supervise({
      process,
      log: process.log,
      graceMs: 1_234,
      open: () => Promise.resolve({ close }).finally(() => opened.resolve()),
    });
    await opened.promise;
    assert.deepEqual(closed, []);
    process.emit(signal, signal);
    await ended;
    assert.deepEqual([closed, process.codes, process.lines], [[1_234], [0], ["ending", "ended"]]);
  }
});

test("supervise() closes what was being opened when the signal came", async () => {
  const process = new TestProcess();
  const opening = Promise.withResolvers<void>();
  let isClosed = false;
  const close = (): Promise<void> => Promise.resolve(void (isClosed = true));
  const open = async (): Promise<{ close: typeof close }> => {
    await opening.promise;
    return { close };
  };
  const ended = supervise({ process, log: process.log, graceMs: 0, open });
  process.emit("SIGTERM", "SIGTERM");
  opening.resolve();
  await ended;
  assert.ok(isClosed);
});

test("supervise() exits at once on a second signal", async () => {
  for (const [second, code] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const) {
    const process = new TestProcess();
    const closing = Promise.withResolvers<void>();
    const open = (): Promise<{ close(): Promise<void> }> =>
      Promise.resolve({ close: () => closing.promise });
    const ended = supervise({ process, log: process.log, graceMs: 0, open });
    process.emit("SIGTERM", "SIGTERM");
    process.emit(second, second);
    assert.deepEqual(process.codes, [code]);
    closing.resolve();
    await ended;
  }
});

test("supervise() does not wait for ever for what does not close", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const process = new TestProcess();
  const closing = Promise.withResolvers<void>();
  const close = (): Promise<void> => {
    closing.resolve();
    return Promise.withResolvers<void>().promise;
  };
  const ended = supervise({
    process,
    log: process.log,
    graceMs: 500,
    open: () => Promise.resolve({ close }),
  });
  process.emit("SIGTERM", "SIGTERM");
  await closing.promise;
  t.mock.timers.tick(2_500);
  await ended;
  assert.deepEqual(
    [process.codes, process.lines],
    [[0], ["ending", "not everything closed in time"]],
  );
});

const ways: readonly (readonly [
  how: string,
  end: (process: TestProcess, onBug: (error: unknown) => void) => void,
])[] = [
  ["an uncaught error", (process) => process.emit("uncaughtException", new Error("x"))],
  ["an unhandled rejection", (process) => process.emit("unhandledRejection", "x")],
  ["a reported bug", (_, onBug) => onBug(new SpoorError("bad-input", "x"))],
];
for (const [how, end] of ways) {
  test(`supervise() logs ${how} and exits 1`, async () => {
    const process = new TestProcess();
    process.log.setLevel("fatal");
    const opened = Promise.withResolvers<(error: unknown) => void>();
    const ended = supervise({
      process,
      log: process.log,
      graceMs: 0,
      open(onBug) {
        opened.resolve(onBug);
        return Promise.resolve({ close: () => Promise.resolve() });
      },
    });
    end(process, await opened.promise);
    assert.deepEqual([process.codes, process.lines], [[1], ["a bug ends the process"]]);
    process.emit("SIGTERM", "SIGTERM");
    await ended;
  });
}

test("supervise() passes on why nothing could be opened", async () => {
  const process = new TestProcess();
  const error = new SpoorError("unavailable", "address in use");
  const open = (): Promise<never> => Promise.reject(error);
  await assert.rejects(supervise({ process, log: process.log, graceMs: 0, open }), error);
  assert.deepEqual(process.codes, []);
});
