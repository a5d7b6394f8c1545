// Random changes of sound payloads through every reader: read or refused as bad-input, never anything
// else, never slow, and what was read is a batch in order that every writer can write.
//
// A fixed number of payloads by default; FUZZ_SECONDS=600 runs that long in all, FUZZ_SEED starts
// elsewhere, FUZZ_READER runs one reader. A failure says with which seed and shows the payload.

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkBatch } from "../../test/fuzz/check-batch.ts";
import { makeRandom, mutate } from "../../test/fuzz/mutate.ts";
import { type FuzzedReader, readers } from "../../test/fuzz/readers.ts";
import { SpoorError } from "../base/errors.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { readOtlpTraces } from "./otlp-proto.ts";
import { writeOtlpJson } from "./write-otlp-json.ts";
import { writeOtlpProto } from "./write-otlp-proto.ts";

const SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 0);
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);
const ONLY = process.env["FUZZ_READER"];
const PAYLOADS = 1_500;
/** So often a sound payload in between shows that nothing of a broken one stayed behind. */
const SOUND_EVERY = 100;
/** A payload has 64 KiB at most; this leaves room for a busy machine. */
const READ_MS_MAX = 5_000;

const chosen = readers.filter((one) => ONLY === undefined || one.name === ONLY);

for (const one of chosen) {
  test(`${one.name}() reads or refuses whatever becomes of its payloads`, () => {
    const until = SECONDS === 0 ? 0 : performance.now() + (SECONDS * 1000) / chosen.length;
    fuzz(one, (payloads) => (until === 0 ? payloads < PAYLOADS : performance.now() < until));
  });
}

function fuzz(one: FuzzedReader, goesOn: (payloads: number) => boolean): void {
  const random = makeRandom(SEED);
  const batch = new SpanBatch();
  const sound = readText(one, batch, one.samples[0]!);
  assert.notEqual(sound, "");
  let reads = 0;
  let payloads = 0;
  for (; goesOn(payloads); payloads++) {
    const payload = mutate(random, one.samples);
    try {
      if (readOrRefuse(one, batch, payload)) reads++;
    } catch (error) {
      const hex = Buffer.from(payload).toString("hex").slice(0, 4_000);
      const message = `seed ${SEED}, payload ${payloads} of ${payload.length} bytes: ${hex}`;
      throw new Error(message, { cause: error });
    }
    if (payloads % SOUND_EVERY !== 0) continue;
    assert.equal(readText(one, batch, one.samples[0]!), sound, `after payload ${payloads}`);
  }
  assert.ok(reads > 0 && reads < payloads, `${reads} of ${payloads} read: the changes are no test`);
}

/** @returns true if it was read. */
function readOrRefuse(one: FuzzedReader, batch: SpanBatch, payload: Uint8Array): boolean {
  batch.reset();
  const before = Buffer.from(payload);
  const started = performance.now();
  try {
    one.read(payload, batch);
  } catch (error) {
    if (!(error instanceof SpoorError) || error.code !== "bad-input") throw error;
    return false;
  } finally {
    assert.ok(performance.now() - started < READ_MS_MAX, "too slow");
    assert.ok(before.equals(payload), "the reader changed the payload");
  }
  checkBatch(batch);
  printSpans(batch);
  JSON.parse(writeOtlpJson([batch]));
  readOtlpTraces(writeOtlpProto([batch]), new SpanBatch());
  return true;
}

function readText(one: FuzzedReader, batch: SpanBatch, payload: Uint8Array): string {
  batch.reset();
  one.read(payload, batch);
  return printSpans(batch);
}
