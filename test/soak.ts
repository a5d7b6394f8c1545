// Hours of a store that is full, in minutes: spans come in at a rate, there is room for so few of them that the
// oldest are dropped all the time, questions are asked meanwhile. What a process uses has to stay what it is.
//
//   node test/soak.ts                                        10 minutes at 50,000 spans/s, 64 MiB of files
//   node test/soak.ts --minutes 60 --rate 20000
//   node test/soak.ts --seconds 8 --rate 10000 --tiny        tiny blocks and files: does it run (in CI)
//
// Every few seconds a line: memory, file handles, files and bytes on disk, spans held and dropped. Fails if the
// median memory or handles of the last third are beyond a bound over those of the first third, if nothing was
// dropped, if the books do not balance, or if a question failed.
//
// Not here: how fast it is (bench/).

import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { QueryClient } from "../bench/query-client.ts";
import { startLoad } from "../bench/server.ts";
import { RunningSpoor } from "./e2e/running-spoor.ts";
import { readProcess } from "./read-process.ts";
import { startSpoor } from "./spoor-process.ts";

const ROOT = join(import.meta.dirname, "..");
const MB = 1e6;

/** Samples before the store is full for the first time tell nothing: this part of them is left out. */
const FILLING_SHARE = 0.2;
/** What may be added to memory, and handles to handles, without being called growth. */
const RSS_GROWTH_MAX = 1.15;
const RSS_SLACK_BYTES = 24 * MB;
/** A process is not warm within seconds: caches and heap still fill. */
const TINY_RSS_SLACK_BYTES = 150 * MB;
const HANDLES_SLACK = 8;
/** Errors of the generator that are an answer: the head is full, come again. */
const PUSHED_BACK = /^http (429|503)$/;

interface Sample {
  readonly rssBytes: number;
  readonly handles: number;
}

interface Plan {
  readonly seconds: number;
  readonly rate: number;
  readonly everyMs: number;
  readonly isTiny: boolean;
  readonly flags: readonly string[];
}

async function main(): Promise<void> {
  const { values: args } = parseArgs({
    options: {
      minutes: { type: "string", default: "10" },
      seconds: { type: "string" },
      rate: { type: "string", default: "50000" },
      every: { type: "string", default: "5" },
      tiny: { type: "boolean", default: false },
      flag: { type: "string", multiple: true, default: [] },
    },
  });
  const plan = {
    seconds: args.seconds === undefined ? 60 * Number(args.minutes) : Number(args.seconds),
    rate: Number(args.rate),
    everyMs: 1_000 * (args.tiny ? 0.5 : Number(args.every)),
    isTiny: args.tiny,
    flags: args.flag,
  };
  const directory = await mkdtemp(join(tmpdir(), "spoor-soak-"));
  const wrong: string[] = [];
  try {
    wrong.push(...(await soak(plan, directory)));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  for (const line of wrong) print(`wrong: ${line}`);
  print(wrong.length === 0 ? "nothing grew, and the books balance" : "the soak failed");
  if (wrong.length > 0) process.exitCode = 1;
}

/** @returns what is wrong, one line each. */
async function soak(plan: Plan, directory: string): Promise<string[]> {
  const flags = [
    "--span-storage.type=segment",
    `--segment.directory=${directory}`,
    "--segment.max-bytes=64MiB",
    "--segment.partition=1m",
    "--segment.min-free-bytes=0",
    ...plan.flags,
  ];
  const tiny = new URL("./e2e/tiny-blocks.ts?rows=2048&bytesMax=1500000", import.meta.url);
  const spoor = new RunningSpoor(
    await startSpoor(ROOT, flags, plan.isTiny ? [`--import=${tiny.href}`] : []),
  );
  let isOver = false;
  try {
    const load = startLoad("otlp-http", {
      target: spoor.address("otlpHttp"),
      pid: String(spoor.process.pid),
      rate: String(plan.rate),
      seconds: String(plan.seconds),
    });
    const questions = askUntil(spoor, () => isOver);
    const done = load.report.finally(() => (isOver = true));
    await load.started;
    const samples = await sampleUntil(spoor, directory, plan.everyMs, () => isOver);
    const { spansAccepted, spansRefused, seconds, errors } = await done;
    print(`${Math.round(spansAccepted / seconds)} spans/s accepted, ${spansRefused} refused`);
    const { asked, failed } = await questions;
    print(`${asked} questions were answered`);
    const others = Object.keys(errors).filter((error) => !PUSHED_BACK.test(error));
    return [
      ...failed,
      ...others.map((error) => `the generator met: ${error}`),
      ...(await findWrong(spoor)),
      ...findGrowth(samples, plan.isTiny ? TINY_RSS_SLACK_BYTES : RSS_SLACK_BYTES),
    ];
  } finally {
    await spoor.process.close();
  }
}

async function findWrong(spoor: RunningSpoor): Promise<string[]> {
  try {
    const { store } = await spoor.checkLedger();
    return store.evictedSpans > 0 ? [] : ["nothing was dropped: it was not full"];
  } catch (error) {
    return [String(error)];
  }
}

async function sampleUntil(
  spoor: RunningSpoor,
  directory: string,
  everyMs: number,
  isOver: () => boolean,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const startedMs = performance.now();
  while (!isOver()) {
    await wait(everyMs);
    const { rssBytes, rssAnonBytes, cpuSeconds } = readProcess(spoor.process.pid);
    const handles = readdirSync(`/proc/${spoor.process.pid}/fd`).length;
    const { store } = await spoor.ledger();
    const files = readdirSync(join(directory, "segments")).length;
    samples.push({ rssBytes, handles });
    print(
      `${((performance.now() - startedMs) / 1_000).toFixed(0).padStart(5)} s  ` +
        `RSS ${(rssBytes / MB).toFixed(0)} MB (anonymous ${(rssAnonBytes / MB).toFixed(0)})  ` +
        `${handles} handles  ${files} files  ${cpuSeconds.toFixed(1)} CPU s  ` +
        `${store.spans} spans held, ${store.evictedSpans} dropped`,
    );
  }
  return samples;
}

/** Questions of each kind, one after the other. @returns how many, and what failed. */
async function askUntil(
  spoor: RunningSpoor,
  isOver: () => boolean,
): Promise<{ asked: number; failed: string[] }> {
  const client = new QueryClient(spoor.address("queryHttp"));
  const failed: string[] = [];
  let asked = 0;
  while (!isOver() && failed.length === 0) {
    const nowUs = Date.now() * 1_000;
    const range = `start=${nowUs - 600e6}&end=${nowUs}&limit=5`;
    const tags = encodeURIComponent('{"tenant":"acme"}');
    for (const path of [
      "/api/services",
      "/api/operations?service=cart",
      `/api/traces?service=cart&${range}&tags=${tags}`,
      `/api/traces?service=checkout&${range}&minDuration=100ms`,
    ]) {
      const { status, body } = await client.ask(path);
      asked++;
      if (status !== 200)
        failed.push(`${path} answered ${status}: ${body.toString().slice(0, 200)}`);
    }
    await wait(100);
  }
  client.close();
  return { asked, failed };
}

function findGrowth(samples: readonly Sample[], slackBytes: number): string[] {
  const full = samples.slice(Math.floor(FILLING_SHARE * samples.length));
  const third = Math.max(1, Math.floor(full.length / 3));
  const [early, late] = [full.slice(0, third), full.slice(-third)];
  const [rss, rssLate] = [early, late].map((part) => median(part.map((one) => one.rssBytes)));
  const [handles, handlesLate] = [early, late].map((part) =>
    median(part.map((one) => one.handles)),
  );
  print(
    `first third: RSS ${(rss! / MB).toFixed(0)} MB, ${handles} handles; ` +
      `last third: ${(rssLate! / MB).toFixed(0)} MB, ${handlesLate} handles`,
  );
  const wrong: string[] = [];
  if (rssLate! > rss! * RSS_GROWTH_MAX + slackBytes) wrong.push("memory grew");
  if (handlesLate! > handles! + HANDLES_SLACK) wrong.push("file handles grew");
  return wrong;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, two) => one - two);
  return sorted[sorted.length >> 1] ?? 0;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

await main();
