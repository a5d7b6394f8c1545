// The process is really killed, under load, again and again: every span that it had acknowledged is there
// when it is back, exactly once.
//
//   start ─▶ senders note each acknowledged trace ─▶ SIGKILL ─▶ start ─▶ every noted trace by its id
//
// CRASH_KILLS=200 runs the long form.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeRandom } from "../../bench/span-model.ts";
import { writeOtlpProto } from "../../src/wire/write-otlp-proto.ts";
import { startSpoor } from "../spoor-process.ts";
import { makeSpans } from "../store/corpus.ts";

const ROOT = join(import.meta.dirname, "../..");
const KILLS = Number(process.env["CRASH_KILLS"] ?? 10);
const SENDERS = 4;
/** A kill comes after this many answers, or one fewer. */
const ANSWERS_MAX = 120;

/** A payload of five spans of one trace, and the hex id of that trace. */
function makePayload(number: number): { id: string; payload: Uint8Array } {
  const random = makeRandom(number);
  const batch = makeSpans({ random, rows: 5, tracesFrom: number, tracesEnd: number + 1 });
  return {
    id: Buffer.from(batch.traceId.subarray(0, 16)).toString("hex"),
    payload: writeOtlpProto([batch]),
  };
}

test(`an acknowledged span survives kill -9 under load, ${KILLS} times in a row`, async () => {
  const directory = await mkdtemp(join(tmpdir(), "spoor-crash-"));
  const flags = [
    "--span-storage.type=segment",
    `--segment.directory=${directory}`,
    "--segment.log-file-bytes=1MiB",
    "--segment.min-free-bytes=0",
  ];
  const random = makeRandom(Number(process.env["CRASH_SEED"] ?? 1));
  const acknowledged: string[] = [];
  let next = 1;
  try {
    for (let kill = 0; kill <= KILLS; kill++) {
      const spoor = await startSpoor(ROOT, flags);
      const otlp = `http://${spoor.addresses.get("OTLP HTTP")!.replace(/^https?:\/\//, "")}`;
      const query = `http://${spoor.addresses.get("Query HTTP")!.replace(/^https?:\/\//, "")}`;
      for (const id of acknowledged) await checkTrace(query, id);
      if (kill === KILLS) {
        await spoor.close();
        break;
      }
      let answers = Math.floor(random() * ANSWERS_MAX);
      const send = async (): Promise<void> => {
        for (;;) {
          const { id, payload } = makePayload(next++);
          try {
            const headers = { "content-type": "application/x-protobuf" };
            const body = Buffer.from(payload);
            const answer = await fetch(`${otlp}/v1/traces`, { method: "POST", headers, body });
            await answer.arrayBuffer();
            if (answer.status === 200) acknowledged.push(id);
          } catch {
            return; // The process is gone: nobody was told that this one is stored.
          }
          if (--answers === 0) spoor.signal("SIGKILL");
        }
      };
      if (answers === 0) answers = 1;
      await Promise.all(Array.from({ length: SENDERS }, send));
      assert.equal((await spoor.ended).signal, "SIGKILL");
    }
    assert.ok(acknowledged.length > KILLS * 10, `${acknowledged.length} traces`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

async function checkTrace(query: string, id: string): Promise<void> {
  const answer = await fetch(`${query}/api/traces/${id}?raw=true`);
  const text = await answer.text();
  assert.equal(answer.status, 200, `trace ${id} was acknowledged and is gone`);
  const { data } = JSON.parse(text) as { data: { spans: { spanID: string }[] }[] };
  const ids = data[0]!.spans.map(({ spanID }) => spanID);
  assert.equal(ids.length, 5, `trace ${id}`);
  assert.equal(new Set(ids).size, 5, `trace ${id}`);
}
