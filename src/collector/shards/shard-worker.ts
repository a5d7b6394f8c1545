// The thread of a shard: reads payloads, stores their spans, answers queries about them.
//
//   take ─▶ LocalReception ─▶ SegmentStore ─▶ answer when durable
//   queries' port ─▶ servePart ─▶ the store's part
//
// What becomes durable with one sync is answered in one message.
// A bug ends this thread, and with it the process (open-shards.ts).

import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../base/assert.ts";
import { systemClock } from "../../base/clock.ts";
import { SpoorError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { diskFiles } from "../../store/disk/files.ts";
import { PortBuilder } from "../../store/segment/port-builder.ts";
import { servePart } from "../../store/serve-part.ts";
import type { Reading } from "../reception.ts";
import { openLocalShard } from "./local-shard.ts";
import type {
  AskedShard,
  FromShard,
  ShardAnswer,
  ShardQuestion,
  ShardSetup,
  ToShard,
} from "./shard-messages.ts";

/** How old the metrics that are scraped may be. */
const METRICS_EVERY_MS = 1_000;

const port = parentPort;
assert(port !== null, "a shard is a thread");
// Whoever starts this thread gives it this.
const setup = workerData as ShardSetup;
const say = (message: FromShard): void => port.postMessage(message, []);
const log: Log = {
  debug: (message, fields = {}) => say({ level: "debug", message, fields }),
  info: (message, fields = {}) => say({ level: "info", message, fields }),
  warn: (message, fields = {}) => say({ level: "warn", message, fields }),
  error: (message, fields = {}) => say({ level: "error", message, fields }),
};

const shard = await openLocalShard({
  store: setup.store,
  tags: new Map(setup.tags),
  files: diskFiles,
  clock: systemClock,
  log,
  builder: new PortBuilder(setup.building),
});
servePart(setup.queries, () => shard.part);

port.on("message", ({ asked }: ToShard) => {
  for (const one of asked) void answer(one);
});
const timer = setInterval(sayMetrics, METRICS_EVERY_MS);
sayMetrics();

const answers: ShardAnswer[] = [];

async function answer({ number, question }: AskedShard): Promise<void> {
  let reading: Reading | undefined;
  const onRead = (found: Reading): void => void (reading = found);
  try {
    const found = await run(question, onRead);
    sayAnswer({ number, ...(reading === undefined ? {} : { reading }), ...found });
  } catch (error) {
    if (!(error instanceof SpoorError)) throw error;
    const { code, message, where } = error;
    const failure = { code, message, where };
    sayAnswer({ number, ...(reading === undefined ? {} : { reading }), failure });
  }
}

function run(
  question: ShardQuestion,
  onRead: (reading: Reading) => void,
): Promise<Omit<ShardAnswer, "number">> {
  if (question.ask === "take") return take(question, onRead);
  if (question.ask === "archive")
    return shard.archive(question.id).then((isKnown) => ({ isKnown }));
  if (question.ask === "copy") return shard.copyTo(question.to).then((copied) => ({ copied }));
  if (question.ask === "ready") return shard.ready().then(() => ({}));
  return close();
}

async function take(
  { format, payload }: Extract<ShardQuestion, { readonly ask: "take" }>,
  onRead: (reading: Reading) => void,
): Promise<object> {
  const stored = shard.receive(format, payload, onRead);
  Atomics.add(setup.readBytes, 0, payload.length);
  await stored;
  return {};
}

async function close(): Promise<object> {
  clearInterval(timer);
  setup.queries.close();
  await shard.close();
  sayMetrics();
  // After the answer to this has been sent.
  setImmediate(() => port!.close());
  return {};
}

/** With others that are known in the same turn. */
function sayAnswer(one: ShardAnswer): void {
  answers.push(one);
  if (answers.length > 1) return;
  // Runs when every promise of a group of the log has had its turn.
  process.nextTick(() => say({ answers: answers.splice(0), figures: shard.figures }));
}

function sayMetrics(): void {
  say({ figures: shard.figures, metrics: shard.metrics });
}
