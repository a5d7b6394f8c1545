// Where `spoor import` puts spans: a collector over OTLP HTTP, or a data directory.
//
//   batch ─ writeOtlpProto ─▶ POST <url>/v1/traces ─▶ how many it left out
//                         └─▶ read as a door reads it, written to the engine ─▶ on the disk
//
// A target that is full is asked again, for RETRY_MS_MAX at most. One span batch is under way at a time.
// Trust: what a collector answers is a peer's.

import { setTimeout as delay } from "node:timers/promises";
import { SpoorError } from "../base/errors.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { readExportAnswer } from "../wire/otlp-answer.ts";
import { writeOtlpProto } from "../wire/write-otlp-proto.ts";

export interface ImportTarget {
  /** @returns how many of the spans are stored, and why the others are not. @throws SpoorError. */
  take(batch: SpanBatch): Promise<{ readonly stored: number; readonly reason: string }>;
  close(): Promise<void>;
}

/** A full head is written to files in seconds; a collector may be started anew meanwhile. */
const RETRY_MS_MAX = 60_000;
const RETRY_MS_MIN = 20;
/** An answer is a count and a sentence. */
const ANSWER_BYTES_MAX = 1 << 20;
/** Statuses of OTLP HTTP that ask to come again. */
const RETRYABLE = new Set([429, 502, 503, 504]);

export function openServerTarget(url: string): ImportTarget {
  let address: URL;
  try {
    address = new URL(`${url.replace(/\/+$/, "")}/v1/traces`);
  } catch (error) {
    throw new SpoorError("bad-input", `no address: ${url.slice(0, 100)}`, {}, error);
  }
  return {
    async take(batch) {
      const body = Uint8Array.from(writeOtlpProto([batch]));
      const answer = await retry(() => post(address, body));
      if (answer.status === 200) {
        const { spans, message } = readExportAnswer(answer.body);
        return { stored: Math.max(0, batch.rows - spans), reason: message };
      }
      return { stored: 0, reason: `the collector answered ${answer.status}` };
    },
    close: () => Promise.resolve(),
  };
}

interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

async function post(address: URL, body: Uint8Array<ArrayBuffer>): Promise<Answer> {
  let answer: Response;
  try {
    const headers = { "content-type": "application/x-protobuf" };
    answer = await fetch(address, { method: "POST", headers, body });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const message = `${address.origin} does not answer: ${String(cause)}`;
    throw new SpoorError("unavailable", message, {}, error);
  }
  if (RETRYABLE.has(answer.status)) {
    await answer.body?.cancel();
    throw new SpoorError("overloaded", `${address.origin} answered ${answer.status}`);
  }
  const bytes = new Uint8Array(await answer.arrayBuffer());
  return { status: answer.status, body: bytes.subarray(0, ANSWER_BYTES_MAX) };
}

export async function openDirectoryTarget(
  directory: string,
  complain: (text: string) => void,
): Promise<ImportTarget> {
  const { openToolStore } = await import("./open-tool-store.ts");
  const { makeReadReceived } = await import("../collector/readers.ts");
  const store = await openToolStore(directory, complain);
  const read = makeReadReceived(new Map());
  return {
    async take(batch) {
      const payload = writeOtlpProto([batch]);
      const stored = await retry(async () => {
        // Sanitized as by a door, and as it will be when the log is read.
        const own = read("otlp-proto", payload);
        const { rows } = own;
        await store.write(own, { format: "otlp-proto", payload });
        return rows;
      });
      return { stored, reason: "a span without trace id or span id" };
    },
    close: () => store.close(),
  };
}

/** Asks again while the target is full. */
async function retry<T>(call: () => Promise<T>): Promise<T> {
  let waited = 0;
  for (let waitMs = RETRY_MS_MIN; ; waitMs = Math.min(2 * waitMs, 2_000)) {
    try {
      return await call();
    } catch (error) {
      const isFull = error instanceof SpoorError && error.code === "overloaded";
      if (!isFull || waited >= RETRY_MS_MAX) throw error;
    }
    await delay(waitMs);
    waited += waitMs;
  }
}
