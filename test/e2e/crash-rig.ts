// A Spoor that is killed again and again, and what must be there when it is back.
//
//   start ─▶ senders note each acknowledged payload ─▶ SIGKILL ─▶ killed while it starts … ─▶ start ─▶ check
//
// A payload is one trace of five spans that say which payload they came in. What was sent and not acknowledged
// may be there, whole, or not.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import type { Random } from "../../bench/span-model.ts";
import { shardFolder } from "../../src/store/segment/shard-folders.ts";
import { writeOtlpProto } from "../../src/wire/write-otlp-proto.ts";
import { makeTrace, START_US } from "../make-trace.ts";
import { type SpoorProcess, killAtStart, startSpoor } from "../spoor-process.ts";

const ROOT = join(import.meta.dirname, "../..");
const SPANS = 5;
const SENDERS = 4;
/** A kill comes this long after an answer at most, so that it meets what is done without a request. */
const LATE_MS_MAX = 40;
/** A start is killed this long after its begin at most: most starts take longer, some have ended. */
const START_MS_MAX = 500;
const CHECKERS = 4;

export interface RigOptions {
  readonly random: Random;
  /** A kill comes after so many answers at most. */
  readonly answersMax: number;
  /** Query of tiny-blocks.ts; left out: blocks are as large as they are for everybody. */
  readonly tiny?: string;
  readonly flags?: readonly string[];
}

export class CrashRig implements AsyncDisposable {
  /** Numbers of payloads, in the order of their acknowledgements. */
  readonly acknowledged: number[] = [];
  /** Payloads that were begun to be sent. */
  sent = 0;
  readonly directory: string;
  readonly #options: RigOptions;
  #running: SpoorProcess | undefined;

  private constructor(directory: string, options: RigOptions) {
    this.directory = directory;
    this.#options = options;
  }

  static async open(options: RigOptions): Promise<CrashRig> {
    return new CrashRig(await mkdtemp(join(tmpdir(), "spoor-crash-")), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // After a test that failed it still runs.
    this.#running?.signal("SIGKILL");
    await this.#running?.ended;
    await rm(this.directory, { recursive: true, force: true });
  }

  async start(): Promise<SpoorProcess> {
    this.#running = await startSpoor(ROOT, this.#flags(), this.#nodeFlags());
    return this.#running;
  }

  /** Starts it and kills it before, while or after it becomes ready. */
  killAtStart(): Promise<void> {
    const afterMs = this.#options.random() * START_MS_MAX;
    return killAtStart(ROOT, { flags: this.#flags(), nodeFlags: this.#nodeFlags(), afterMs });
  }

  /** Sends until some answers have come, then kills it. */
  async killUnderLoad(spoor: SpoorProcess): Promise<void> {
    const { random, answersMax } = this.#options;
    let answers = 1 + Math.floor(random() * answersMax);
    const lateMs = random() * LATE_MS_MAX;
    const send = async (): Promise<void> => {
      while (await this.#send(spoor)) {
        if (--answers === 0) setTimeout(() => spoor.signal("SIGKILL"), lateMs);
      }
    };
    await Promise.all(Array.from({ length: SENDERS }, send));
    const exit = await spoor.ended;
    assert.equal(exit.signal, "SIGKILL", `it ended by itself: ${JSON.stringify(exit)}`);
  }

  /** @returns false when the process is gone. */
  async #send(spoor: SpoorProcess): Promise<boolean> {
    const number = ++this.sent;
    const body = Buffer.from(writeOtlpProto([makePayload(number)]));
    const headers = { "content-type": "application/x-protobuf" };
    let status: number;
    try {
      const url = `http://${spoor.addresses.get("OTLP HTTP")!}/v1/traces`;
      const answer = await fetch(url, { method: "POST", headers, body });
      status = answer.status;
      await answer.arrayBuffer();
    } catch {
      return false; // Nobody was told that this one is stored.
    }
    if (status === 200) this.acknowledged.push(number);
    // A full head is a fair answer: such a payload may be missing.
    else if (status === 503 || status === 429) await wait(5);
    else assert.fail(`a payload was answered ${status}`);
    return true;
  }

  /**
   * Every one of these payloads is there once, by its id.
   *
   * @param partialMax so many may be there in part: where the oldest were dropped is a border.
   * @returns those that are not there, or not wholly.
   */
  async checkTraces(
    spoor: SpoorProcess,
    numbers: readonly number[],
    partialMax = 0,
  ): Promise<number[]> {
    const missing: number[] = [];
    const partial: number[] = [];
    await eachOf(numbers, async (number) => {
      const { status, body } = await ask(spoor, `/api/traces/${traceIdOf(number)}?raw=true`);
      if (status === 404) missing.push(number);
      else if (checkAnswer(number, status, body) < SPANS) partial.push(number);
    });
    assert.ok(partial.length <= partialMax, `payloads ${partial.join(", ")} are not whole`);
    return [...missing, ...partial].sort((one, two) => one - two);
  }

  /** Each of these payloads is found by a search for what only it has, once. */
  async checkSearches(spoor: SpoorProcess, numbers: readonly number[]): Promise<void> {
    await eachOf(numbers, async (number) => {
      const query = new URLSearchParams({
        service: "crash",
        tags: JSON.stringify({ payload: String(number) }),
        start: "0",
        end: String(START_US * 2),
        limit: "20",
      });
      const { status, body } = await ask(spoor, `/api/traces?${query.toString()}`);
      assert.equal(checkAnswer(number, status, body), SPANS, `spans of payload ${number}`);
    });
  }

  /** As many spans as acknowledged ones, and at most those that were not acknowledged on top. */
  async checkCount(spoor: SpoorProcess): Promise<void> {
    const ledger = await fetch(`http://${spoor.addresses.get("admin")!}/api/ledger`);
    const { store } = (await ledger.json()) as { store: { spans: number } };
    assert.equal(store.spans % SPANS, 0, "half of a payload is there");
    assert.ok(store.spans >= SPANS * this.acknowledged.length, `${store.spans} spans are too few`);
    assert.ok(store.spans <= SPANS * this.sent, `${store.spans} spans are too many`);
  }

  /** How many files spans have been built into. */
  async countFiles(shard = 0): Promise<number> {
    const names = await readdir(join(shardFolder(this.directory, shard), "segments"));
    return names.filter((name) => name.endsWith(".segment")).length;
  }

  /** `spoor verify` finds nothing wrong; nothing may have it open. */
  async verify(shard = 0): Promise<void> {
    const main = join(ROOT, "src/cli/main.ts");
    // It ends with a code other than 0, and so throws, when there is a problem.
    await promisify(execFile)(process.execPath, [
      main,
      "verify",
      shardFolder(this.directory, shard),
    ]);
  }

  #flags(): readonly string[] {
    return [
      "--span-storage.type=segment",
      `--segment.directory=${this.directory}`,
      "--segment.log-file-bytes=1MiB",
      "--segment.min-free-bytes=0",
      ...(this.#options.flags ?? []),
    ];
  }

  #nodeFlags(): readonly string[] {
    const { tiny } = this.#options;
    if (tiny === undefined) return [];
    const url = new URL("./tiny-blocks.ts", import.meta.url);
    url.search = tiny;
    return [`--import=${url.href}`];
  }
}

/** Some of `numbers`, spread over all of them. */
export function sample(random: Random, numbers: readonly number[], count: number): number[] {
  if (numbers.length <= count) return [...numbers];
  return Array.from({ length: count }, () => numbers[Math.floor(random() * numbers.length)]!);
}

function makePayload(number: number): ReturnType<typeof makeTrace> {
  const spans = Array.from({ length: SPANS }, (_, index) => ({
    traceId: traceIdOf(number),
    id: index + 1,
    parent: index === 0 ? 0 : 1,
    service: "crash",
    name: `step ${index}`,
    startUs: START_US + 1_000 * number + index,
    // Text of its own for each payload, and text that all share.
    attributes: { payload: String(number), text: `text of payload ${number}`, all: "the same" },
    events: [{ us: START_US + 1_000 * number, name: "sent" }],
  }));
  return makeTrace(...spans);
}

function traceIdOf(number: number): string {
  return `5b${number.toString(16).padStart(30, "0")}`;
}

interface ShownSpan {
  readonly traceID: string;
  readonly spanID: string;
  readonly tags: readonly { readonly key: string; readonly value: unknown }[];
}

/** One trace of spans of this payload, none twice. @returns how many. */
function checkAnswer(number: number, status: number, body: string): number {
  assert.equal(status, 200, `payload ${number} was answered ${status}: ${body.slice(0, 200)}`);
  const { data } = JSON.parse(body) as { data: { spans: ShownSpan[] }[] };
  assert.equal(data.length, 1, `payload ${number} is ${data.length} traces`);
  const { spans } = data[0]!;
  const ids = new Set(spans.map(({ spanID }) => Number(spanID)));
  assert.equal(ids.size, spans.length, `a span of payload ${number} is there twice`);
  assert.ok([...ids].every((id) => id >= 1 && id <= SPANS));
  for (const { traceID, tags } of spans) {
    assert.equal(traceID, traceIdOf(number));
    assert.equal(tags.find(({ key }) => key === "payload")?.value, String(number));
  }
  return spans.length;
}

async function ask(spoor: SpoorProcess, path: string): Promise<{ status: number; body: string }> {
  const answer = await fetch(`http://${spoor.addresses.get("Query HTTP")!}${path}`);
  return { status: answer.status, body: await answer.text() };
}

async function eachOf(
  numbers: readonly number[],
  visit: (number: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < numbers.length) await visit(numbers[next++]!);
  };
  await Promise.all(Array.from({ length: CHECKERS }, work));
}
