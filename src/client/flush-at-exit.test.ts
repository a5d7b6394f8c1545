// Each way of ending with a real process: it ends as it would without the library, and the agent
// has got the span that waited (the flush interval is an hour).

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type EndingProcess, ExitFlush } from "./flush-at-exit.ts";

const APP = fileURLToPath(new URL("../../test/exiting-app.ts", import.meta.url));

interface End {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly packets: number;
}

async function run(t: TestContext, way: string, signal?: NodeJS.Signals): Promise<End> {
  const agent = createSocket("udp4").bind(0, "127.0.0.1");
  t.after(() => agent.close());
  await once(agent, "listening");
  let packets = 0;
  agent.on("message", (bytes) => {
    if (bytes.includes("last words")) packets++;
  });
  const { port } = agent.address();
  const child = spawn(process.execPath, [APP, way, String(port)], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  t.after(() => child.kill("SIGKILL"));
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    if (signal !== undefined && text.includes("ready")) child.kill(signal);
  });
  const [code, by] = (await once(child, "close")) as [number | null, string | null];
  await new Promise((resolve) => {
    setImmediate(resolve); // what has arrived is read
  });
  return { code, signal: by, out, packets };
}

const ends: readonly (readonly [
  way: string,
  signal: NodeJS.Signals | undefined,
  code: number | null,
  by: string | null,
])[] = [
  ["end", undefined, 0, null],
  ["exit-code", undefined, 7, null],
  ["close", undefined, 0, null],
  ["serve", "SIGTERM", null, "SIGTERM"],
  ["serve", "SIGINT", null, "SIGINT"],
  ["listener", "SIGTERM", 3, null],
  ["once", "SIGTERM", 3, null],
  ["alone-listener", "SIGTERM", null, "SIGTERM"],
];

for (const [way, signal, code, by] of ends) {
  test(`an application ends by ${way} ${signal ?? ""} as ever, and its span arrives`, async (t) => {
    const end = await run(t, way, signal);
    assert.deepEqual([end.code, end.signal], [code, by], end.out);
    assert.equal(end.packets, 1);
    assert.equal(end.out.includes("graceful"), code === 3);
  });
}

test("an error that nobody catches ends the application as ever", async (t) => {
  const end = await run(t, "throw");
  assert.deepEqual([end.code, end.signal], [1, null]);
});

/** A process of which only listeners and signals are real enough. */
class FakeProcess implements EndingProcess {
  readonly pid = 1;
  readonly killed: string[] = [];
  readonly listeners = new Map<string, (() => void)[]>();

  prependListener(event: string, listener: () => void): void {
    this.listeners.set(event, [listener, ...(this.listeners.get(event) ?? [])]);
  }

  removeListener(event: string, listener: () => void): void {
    const all = this.listeners.get(event) ?? [];
    this.listeners.set(
      event,
      all.filter((one) => one !== listener),
    );
  }

  listenerCount(event: string): number {
    return this.listeners.get(event)?.length ?? 0;
  }

  kill(_pid: number, signal: string): void {
    this.killed.push(signal);
  }

  emit(event: string): void {
    for (const listener of this.listeners.get(event) ?? []) listener();
  }
}

test("beforeExit flushes only what was reported since the last time", () => {
  const ending = new FakeProcess();
  const exit = new ExitFlush(ending);
  let flushes = 0;
  const one = {
    reportedSpans: 0,
    flush(): Promise<void> {
      flushes++;
      return Promise.resolve();
    },
  };
  exit.add(one);
  ending.emit("beforeExit");
  one.reportedSpans = 3;
  ending.emit("beforeExit");
  ending.emit("beforeExit");
  assert.equal(flushes, 1);
});

test("a flush that never ends does not keep a signal from ending the process", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const ending = new FakeProcess();
  new ExitFlush(ending).add({ reportedSpans: 1, flush: () => new Promise(() => {}) });
  ending.emit("SIGTERM");
  assert.deepEqual([ending.killed, ending.listenerCount("SIGTERM")], [[], 0]);
  t.mock.timers.tick(10_000);
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  assert.deepEqual(ending.killed, ["SIGTERM"]);
});

test("nothing is listened for when nothing is left to flush", () => {
  const ending = new FakeProcess();
  const exit = new ExitFlush(ending);
  const [one, two] = [0, 0].map(() => ({ reportedSpans: 0, flush: () => Promise.resolve() }));
  exit.add(one!);
  exit.add(two!);
  exit.remove(one!);
  assert.deepEqual([...ending.listeners.keys()], ["beforeExit", "SIGTERM", "SIGINT"]);
  assert.equal(ending.listenerCount("SIGTERM"), 1);
  exit.remove(two!);
  assert.deepEqual(
    [...ending.listeners.values()].map((all) => all.length),
    [0, 0, 0],
  );
});
