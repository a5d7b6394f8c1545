// One GET to an agent or a collector, for what is polled: bounded in bytes and in time.
//
//   url ─▶ connection of its own ─▶ 200 and a body of at most so many bytes ─▶ text
//                                   └ anything else ─▶ SpoorError "unavailable"
//
// Neither its socket nor its timer keeps the process alive. `http` and `https` are loaded when they are
// first needed, so that a tracer that polls nothing starts without them.
// Trust: the answer is a peer's; redirections are not followed, compressed bodies not asked for.

import type { IncomingMessage, RequestOptions } from "node:http";
import { SpoorError } from "../base/errors.ts";
import { runUntraced } from "./untraced.ts";

/** An agent answers at once, or from a collector within two seconds. */
const ANSWER_MS_MAX = 5_000;
/** As much as an agent takes from a collector: some 5,000 operations. */
const ANSWER_BYTES_MAX = 512 * 1024;

/** Asks for a text; the signal takes the question back. @throws SpoorError `unavailable` */
export type GetText = (url: URL, signal: AbortSignal) => Promise<string>;

interface Limits {
  readonly bytesMax?: number;
  readonly timeoutMs?: number;
}

/** A way of asking that keeps to these limits. */
export function makeGetText({
  bytesMax = ANSWER_BYTES_MAX,
  timeoutMs = ANSWER_MS_MAX,
}: Limits = {}): GetText {
  return async (url, signal) => {
    const { request } =
      url.protocol === "https:" ? await import("node:https") : await import("node:http");
    const options: RequestOptions = { agent: false, headers: { accept: "application/json" } };
    return new Promise((resolve, reject) => {
      const question = runUntraced(() => request(url, options));
      const fail = (why: string, where: Readonly<Record<string, number>> = {}): void => {
        end();
        reject(new SpoorError("unavailable", why, where));
      };
      const timer = setTimeout(() => fail("no whole answer in time", { timeoutMs }), timeoutMs);
      const onAbort = (): void => fail("the question was taken back");
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        question.destroy();
      };
      timer.unref();
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) onAbort();
      question.on("socket", (socket) => socket.unref());
      // Stays after the end: a destroyed question may still say so.
      question.on("error", (error) => fail(`no answer: ${error.message}`));
      question.on("response", (answer) => {
        readBody(answer, bytesMax, fail, (text) => {
          end();
          resolve(text);
        });
      });
      question.end();
    });
  };
}

function readBody(
  answer: IncomingMessage,
  bytesMax: number,
  fail: (why: string, where?: Readonly<Record<string, number>>) => void,
  done: (text: string) => void,
): void {
  const status = answer.statusCode ?? 0;
  if (status !== 200) return fail("the answer is no 200", { status });
  const chunks: Buffer[] = [];
  let bytes = 0;
  answer.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > bytesMax) fail("the answer is too large", { bytesMax });
    else chunks.push(chunk);
  });
  answer.on("error", (error) => fail(`the answer broke off: ${error.message}`));
  answer.on("aborted", () => fail("the answer broke off"));
  answer.on("end", () => done(Buffer.concat(chunks).toString("utf8")));
}
