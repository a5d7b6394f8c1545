// The forwarder against collectors that take, refuse, hang, reset, die and come back.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  numberedParcel,
  openPostSpans,
  openTestForwarder,
  type TestPostSpans,
} from "../../test/open-forwarder.ts";
import { until } from "../../test/until.ts";
import { systemClock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import { GrpcError } from "../net/grpc-service.ts";

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

async function makeDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "spoor-spool-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}

test("Forwarder.send() delivers to several collectors", async () => {
  await using one = await openPostSpans();
  await using two = await openPostSpans();
  await using forwarder = await openTestForwarder({ ports: [one.port, two.port] });
  await until(() => forwarder.figures().collectors.connected === 2);
  await Promise.all(range(1, 50).map((number) => forwarder.send(numberedParcel(number))));
  assert.deepEqual(
    [...one.taken, ...two.taken].toSorted((a, b) => a - b),
    range(1, 50),
  );
  assert.ok(one.calls > 10 && two.calls > 10, `${one.calls} ${two.calls}`);
  forwarder.checkBooks();
});

test("Forwarder.send() takes the last word of a collector, and counts it by its reason", async () => {
  const answers = [
    [new SpoorError("bad-input", "not like that"), "invalid", "bad-input"],
    [new SpoorError("unsupported", "not here"), "unsupported", "unsupported"],
    [new GrpcError("RESOURCE_EXHAUSTED", "too large"), "too-large", "bad-input"],
    [new GrpcError("PERMISSION_DENIED", "unknown tenant"), "forbidden", "unsupported"],
    [new GrpcError("INTERNAL", "no idea"), "other", "bad-input"],
  ] as const;
  await using collector = await openPostSpans((number) => {
    throw answers[number - 1]![0];
  });
  await using forwarder = await openTestForwarder({ ports: [collector.port] });
  for (const [index, [, reason, code]] of answers.entries()) {
    await assert.rejects(forwarder.send(numberedParcel(index + 1)), { code });
    assert.equal(forwarder.figures().refused[reason].spans, index + 1);
  }
  assert.equal(collector.calls, answers.length);
  forwarder.checkBooks();
});

test("Forwarder.send() goes to another collector when one asks for time", async () => {
  let busy = 0;
  const refuse = () => {
    busy++;
    throw new SpoorError("overloaded", "later");
  };
  await using one = await openPostSpans(refuse);
  await using two = await openPostSpans();
  await using forwarder = await openTestForwarder({ ports: [one.port, two.port] });
  await until(() => forwarder.figures().collectors.connected === 2);
  for (const number of range(1, 20)) await forwarder.send(numberedParcel(number));
  assert.deepEqual(two.taken, range(1, 20));
  // It asked for a second, in RetryInfo.
  assert.equal(busy, 1);
  forwarder.checkBooks();
});

test("Forwarder.send() is not held up by a collector that hangs", async () => {
  const hanging = Promise.withResolvers<void>();
  await using one = await openPostSpans(() => hanging.promise);
  await using two = await openPostSpans();
  await using forwarder = await openTestForwarder({
    ports: [one.port, two.port],
    callMs: 300,
    attemptsMax: 100,
  });
  await until(() => forwarder.figures().collectors.connected === 2);
  const sends = range(1, 200).map((number) => forwarder.send(numberedParcel(number)));
  await until(() => two.taken.length >= 180);
  await Promise.all(sends);
  assert.deepEqual(
    two.taken.toSorted((a, b) => a - b),
    range(1, 200),
  );
  hanging.resolve();
  forwarder.checkBooks();
});

test("Forwarder.send() survives collectors that cut connections and that are not there", async (t) => {
  const cutter = createServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
  await once(cutter.listen(0, "127.0.0.1"), "listening");
  t.after(() => cutter.close());
  const { port } = cutter.address() as AddressInfo;
  await using collector = await openPostSpans();
  const ports = [port, await closedPort(), collector.port];
  await using forwarder = await openTestForwarder({ ports });
  for (const number of range(1, 20)) await forwarder.send(numberedParcel(number));
  assert.deepEqual(collector.taken, range(1, 20));
  forwarder.checkBooks();
});

test("Forwarder keeps spans in the spool while no collector is there, and delivers them in order", async (t) => {
  const directory = await makeDirectory(t);
  const port = await closedPort();
  await using forwarder = await openTestForwarder({ ports: [port], directory, awayMsMax: 50 });
  for (const number of range(1, 200)) await forwarder.send(numberedParcel(number, 1_000));
  assert.equal(forwarder.figures().spooled.parcels, 200);
  await using collector = await openPostSpans(undefined, port);
  await until(() => collector.taken.length === 200);
  assert.deepEqual(collector.taken, range(1, 200));
  await until(() => forwarder.figures().spooled.parcels === 0);
  assert.equal(forwarder.figures().delivered.parcels, 200);
  await forwarder.send(numberedParcel(201));
  assert.equal(collector.taken.at(-1), 201);
  forwarder.checkBooks();
});

test("Forwarder delivers new spans beside those of the spool, which come at a bounded rate", async (t) => {
  const directory = await makeDirectory(t);
  const port = await closedPort();
  await using forwarder = await openTestForwarder({
    ports: [port],
    directory,
    awayMsMax: 20,
    spoolBytesPerSecond: 100_000,
  });
  for (const number of range(1, 20)) await forwarder.send(numberedParcel(number, 1_000));
  const atMs: number[] = [];
  const note = (number: number): void => {
    if (number < 1_000) atMs.push(systemClock.monotonicMs());
  };
  await using collector = await openPostSpans(note, port);
  await until(() => forwarder.figures().collectors.connected === 1);
  await forwarder.send(numberedParcel(1_000));
  await until(() => collector.taken.length === 21);
  // 19 parcels after the first one, at 100 a second.
  assert.ok(atMs.at(-1)! - atMs[0]! > 150, `${atMs.at(-1)! - atMs[0]!} ms`);
  assert.deepEqual(
    collector.taken.filter((number) => number < 1_000),
    range(1, 20),
  );
});

test("Forwarder puts into the spool what no collector took in time, retry by retry", async (t) => {
  const directory = await makeDirectory(t);
  let isWell = false;
  await using collector = await openPostSpans(() => {
    if (!isWell) throw new SpoorError("unavailable", "the store is away");
  });
  await using forwarder = await openTestForwarder({
    ports: [collector.port],
    directory,
    attemptsMax: 2,
    awayMsMax: 5_000,
  });
  await forwarder.send(numberedParcel(1));
  assert.equal(forwarder.figures().spooled.parcels, 1);
  assert.ok(collector.calls >= 2);
  isWell = true;
  await until(() => forwarder.figures().spooled.parcels === 0);
  assert.deepEqual(collector.taken, [1]);
  forwarder.checkBooks();
});

const never = Promise.withResolvers<void>().promise;

/** Says nothing to `poison`, as a collector that hangs does; takes all others. */
const dieOf = (poison: number) => (number: number) => (number === poison ? never : undefined);

test("Forwarder sets a parcel aside on which every collector falls silent, and goes on", async (t) => {
  const directory = await makeDirectory(t);
  const ports = [await closedPort()];
  const first = await openTestForwarder({ ports, directory, awayMsMax: 0 });
  for (const number of range(1, 6)) await first.send(numberedParcel(number));
  await first.close(0);
  await using one = await openPostSpans(dieOf(2));
  await using two = await openPostSpans(dieOf(2));
  await using forwarder = await openTestForwarder({
    ports: [one.port, two.port],
    directory,
    callMs: 20,
  });
  await until(() => forwarder.figures().spooled.parcels === 0);
  // One whose answer came too late came twice.
  const taken = new Set([...one.taken, ...two.taken]);
  assert.deepEqual(
    [...taken].toSorted((a, b) => a - b),
    [1, 3, 4, 5, 6],
  );
  assert.deepEqual(forwarder.figures().dropped.undeliverable, { parcels: 1, spans: 2 });
  forwarder.checkBooks();
  // What was set aside can be sent once more.
  await using well = await openPostSpans();
  const aside = join(directory, "set-aside");
  await forwarder.close(0);
  await using again = await openTestForwarder({ ports: [well.port], directory: aside });
  await until(() => again.figures().delivered.parcels === 1);
  assert.deepEqual(well.taken, [2]);
});

test("Forwarder keeps every parcel while collectors fall silent on all of them", async (t) => {
  const directory = await makeDirectory(t);
  let isSilent = true;
  let calls = 0;
  const take = (): void | Promise<void> => {
    calls++;
    return isSilent ? never : undefined;
  };
  // Each of them is left alone for longer and longer.
  await using one = await openPostSpans(take);
  await using two = await openPostSpans(take);
  await using three = await openPostSpans(take);
  await using four = await openPostSpans(take);
  const all = [one, two, three, four];
  const ports = all.map(({ port }) => port);
  await using forwarder = await openTestForwarder({
    ports,
    minPeers: 4,
    directory,
    callMs: 5,
    awayMsMax: 0,
  });
  for (const number of range(1, 3)) await forwarder.send(numberedParcel(number));
  await until(() => calls >= 12);
  isSilent = false;
  await until(() => forwarder.figures().spooled.parcels === 0);
  // An answer that comes after its 5 ms is silence as well: that parcel is sent again.
  const taken = new Set(all.flatMap((collector) => collector.taken));
  assert.deepEqual(
    [...taken].toSorted((a, b) => a - b),
    range(1, 3),
  );
  assert.equal(forwarder.figures().dropped.undeliverable.parcels, 0);
  forwarder.checkBooks();
});

test("Forwarder sets aside what a collector refuses of the spool", async (t) => {
  const directory = await makeDirectory(t);
  const first = await openTestForwarder({ ports: [await closedPort()], directory, awayMsMax: 0 });
  for (const number of range(1, 3)) await first.send(numberedParcel(number));
  await first.close(0);
  await using collector = await openPostSpans((number) => {
    if (number === 2) throw new SpoorError("bad-input", "not like that");
  });
  await using forwarder = await openTestForwarder({ ports: [collector.port], directory });
  await until(() => forwarder.figures().spooled.parcels === 0);
  assert.deepEqual(collector.taken, [1, 3]);
  assert.equal(forwarder.figures().refused.invalid.spans, 2);
  forwarder.checkBooks();
  await forwarder.close(0);
  const aside = join(directory, "set-aside");
  await using again = await openTestForwarder({ ports: [await closedPort()], directory: aside });
  assert.deepEqual(again.figures().recovered, { parcels: 1, spans: 2 });
});

test("Forwarder without a spool drops a parcel on which collectors fall silent, alone", async () => {
  await using collector = await openPostSpans(dieOf(1));
  await using forwarder = await openTestForwarder({ ports: [collector.port], callMs: 50 });
  const poisoned = forwarder.send(numberedParcel(1));
  let isOver = false;
  const rejected = assert.rejects(poisoned, { code: "bad-input" }).finally(() => (isOver = true));
  let last = 1;
  while (!isOver) await forwarder.send(numberedParcel(++last));
  await rejected;
  // One whose answer came too late came twice.
  assert.deepEqual([...new Set(collector.taken)], range(2, last));
  assert.equal(forwarder.figures().dropped.undeliverable.parcels, 1);
  forwarder.checkBooks();
});

test("Forwarder.send() without a spool waits in memory, within its bound", async () => {
  const port = await closedPort();
  await using forwarder = await openTestForwarder({ ports: [port], memoryBytesMax: 1_000 });
  const sends = range(1, 10).map((number) => forwarder.send(numberedParcel(number, 100)));
  await assert.rejects(forwarder.send(numberedParcel(11, 100)), { code: "overloaded" });
  assert.equal(forwarder.figures().dropped["memory-full"].spans, 11);
  await using collector = await openPostSpans(undefined, port);
  await Promise.all(sends);
  assert.deepEqual(
    collector.taken.toSorted((a, b) => a - b),
    range(1, 10),
  );
  forwarder.checkBooks();
});

test("Forwarder.close() spools what is under way, and the next one delivers it", async (t) => {
  const directory = await makeDirectory(t);
  const hanging = Promise.withResolvers<void>();
  await using hanger = await openPostSpans(() => hanging.promise);
  const first = await openTestForwarder({ ports: [hanger.port], directory, callMs: 60_000 });
  const sends = range(1, 100).map((number) => first.send(numberedParcel(number)));
  await until(() => hanger.calls === 64);
  await first.close(30);
  await Promise.all(sends);
  first.checkBooks();
  assert.equal(first.figures().spooled.parcels, 100);
  await assert.rejects(first.send(numberedParcel(101)), { code: "unavailable" });
  hanging.resolve();

  await using collector = await openPostSpans();
  await using second = await openTestForwarder({ ports: [collector.port], directory });
  await until(() => second.figures().delivered.parcels === 100);
  assert.deepEqual(
    collector.taken.toSorted((a, b) => a - b),
    range(1, 100),
  );
  assert.equal(second.figures().recovered.parcels, 100);
  second.checkBooks();
});

test("Forwarder.close() with a spool waits for no collector", async (t) => {
  const directory = await makeDirectory(t);
  const ports = [await closedPort()];
  const forwarder = await openTestForwarder({ ports, directory, awayMsMax: 1e6 });
  const send = forwarder.send(numberedParcel(1));
  const startMs = systemClock.monotonicMs();
  await forwarder.close(10_000);
  assert.ok(systemClock.monotonicMs() - startMs < 5_000);
  await send;
  assert.equal(forwarder.figures().spooled.parcels, 1);
});

test("Forwarder.close() without a spool drops what nobody takes, and says so", async () => {
  const forwarder = await openTestForwarder({ ports: [await closedPort()] });
  const send = forwarder.send(numberedParcel(7));
  const rejected = assert.rejects(send, { code: "unavailable" });
  await forwarder.close(20);
  await rejected;
  assert.equal(forwarder.figures().dropped.closed.spans, 7);
  forwarder.checkBooks();
});

test("Forwarder loses and doubles nothing when collectors are restarted one by one", async (t) => {
  const directory = await makeDirectory(t);
  const all: TestPostSpans[] = [await openPostSpans(), await openPostSpans()];
  const running = [...all];
  const ports = running.map(({ port }) => port);
  await using forwarder = await openTestForwarder({ ports, directory, awayMsMax: 2_000 });
  let last = 0;
  let isLoaded = true;
  const load = async (): Promise<void> => {
    while (isLoaded) await forwarder.send(numberedParcel(++last));
  };
  const loads = range(1, 8).map(load);
  for (const round of range(0, 5)) {
    const goal = last + 300;
    await until(() => last >= goal);
    const index = round % 2;
    await running[index]!.close(2_000);
    running[index] = await openPostSpans(undefined, ports[index]);
    all.push(running[index]);
    await until(() => forwarder.figures().collectors.connected === 2);
  }
  isLoaded = false;
  await Promise.all(loads);
  await until(() => forwarder.figures().spooled.parcels === 0);
  const taken = all.flatMap((one) => one.taken).toSorted((a, b) => a - b);
  assert.deepEqual(taken, range(1, last));
  assert.ok(forwarder.figures().reconnects >= 6);
  forwarder.checkBooks();
  for (const one of running) await one.close(0);
});
