// Parts that live in another thread, asked through a message port.
//
//   part(extra).search(…) ─▶ waits ─(one of IN_FLIGHT_MAX)─▶ port ─▶ … ─▶ port ─▶ answer
//                              └─ cancelled: forgotten          └─ cancelled: the other side is told
//
// A question that was cancelled counts as in flight until the other side has let go of it. When the port
// closes, because its other end or the thread there is gone, whatever is open fails as `unavailable`.
// The port keeps the process alive only while something is asked.
//
// Not here: the answering end (serve-part.ts), what the messages hold (part-messages.ts).

import type { MessagePort } from "node:worker_threads";
import { assert } from "../base/assert.ts";
import { countReceived } from "../net/garbage.ts";
import { SpoorError } from "../base/errors.ts";
import { cancelled } from "./cancelled.ts";
import {
  type Answers,
  type FromServer,
  type Question,
  type ToServer,
  joinIds,
  moveSpanNames,
  unpackTraces,
} from "./part-messages.ts";
import type { Part } from "./part.ts";

/** Questions that the other side works on at once: they share one thread and its caches. */
export const IN_FLIGHT_MAX = 16;
/** Questions that wait for their turn; each is an open request of somebody. */
export const WAITING_MAX = 1_000;

interface Pending {
  readonly extra: unknown;
  readonly question: Question;
  readonly transfer: ArrayBuffer[];
  readonly resolve: (answer: Answers[keyof Answers]) => void;
  readonly reject: (error: SpoorError) => void;
}

export class RemoteParts<Extra> {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, Pending>();
  /** Undefined: was cancelled, and the other side has not yet said that it ended. */
  readonly #sent = new Map<number, Pending | undefined>();
  #nextNumber = 1;
  #isClosed = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on("message", (message: FromServer) => this.#take(message));
    port.on("messageerror", () => this.close());
    port.on("close", () => this.#end());
    port.unref();
  }

  /** Questions that wait or are worked on. */
  get open(): number {
    return this.#waiting.size + this.#sent.size;
  }

  /**
   * The part that the other side opens for `extra`: plain data that goes along with each question.
   *
   * Its questions fail as `unavailable` if the other side is gone, and as `overloaded` if more than
   * WAITING_MAX wait.
   */
  part(extra: Extra): Part {
    return makePart((question, signal, transfer = []) =>
      this.#ask(extra, question, signal, transfer),
    );
  }

  /** Fails what is open and closes the port; the other side stops what it works on. */
  close(): void {
    this.#port.close();
    this.#end();
  }

  #ask(
    extra: unknown,
    question: Question,
    signal: AbortSignal,
    transfer: ArrayBuffer[],
  ): Promise<Answers[keyof Answers]> {
    if (this.#isClosed) return Promise.reject(gone());
    if (signal.aborted) return Promise.reject(cancelled());
    if (this.#waiting.size >= WAITING_MAX) {
      const where = { waiting: this.#waiting.size };
      return Promise.reject(new SpoorError("overloaded", "too many queries wait", where));
    }
    const number = this.#nextNumber++;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => this.#cancel(number);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.set(number, {
        extra,
        question,
        transfer,
        resolve(answer) {
          signal.removeEventListener("abort", onAbort);
          resolve(answer);
        },
        reject(error) {
          signal.removeEventListener("abort", onAbort);
          reject(error);
        },
      });
      this.#sendNext();
    });
  }

  #sendNext(): void {
    for (const [number, pending] of this.#waiting) {
      if (this.#sent.size >= IN_FLIGHT_MAX) return;
      this.#waiting.delete(number);
      this.#sent.set(number, pending);
      const { extra, question, transfer } = pending;
      this.#port.ref();
      this.#port.postMessage({ number, extra, question } satisfies ToServer, transfer);
    }
  }

  #cancel(number: number): void {
    const waiting = this.#waiting.get(number);
    if (waiting !== undefined) {
      this.#waiting.delete(number);
      waiting.reject(cancelled());
      return;
    }
    const sent = this.#sent.get(number);
    if (sent === undefined) return;
    this.#sent.set(number, undefined);
    this.#port.postMessage({ cancel: number } satisfies ToServer, []);
    sent.reject(cancelled());
  }

  #take(message: FromServer): void {
    const { number } = message;
    assert(this.#isClosed || this.#sent.has(number), "an answer is to what was asked");
    const pending = this.#sent.get(number);
    this.#sent.delete(number);
    if ("answer" in message) {
      pending?.resolve(message.answer);
    } else {
      const { code, message: text, where } = message.failure;
      pending?.reject(new SpoorError(code, text, where));
    }
    this.#sendNext();
    if (this.#sent.size === 0) this.#port.unref();
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const open = [...this.#sent.values(), ...this.#waiting.values()];
    this.#sent.clear();
    this.#waiting.clear();
    for (const pending of open) pending?.reject(gone());
  }
}

function gone(): SpoorError {
  return new SpoorError("unavailable", "the thread that answers queries has ended");
}

type Ask = (
  question: Question,
  signal: AbortSignal,
  transfer?: ArrayBuffer[],
) => Promise<Answers[keyof Answers]>;

/** The answers' types are those of the questions: `answerQuestion` has both in one place. */
function makePart(ask: Ask): Part {
  return {
    async search(query, signal, only) {
      const transfer: ArrayBuffer[] = [];
      const ids = only === undefined ? undefined : joinIds(only, transfer);
      return (await ask(
        { ask: "search", query, only: ids },
        signal,
        transfer,
      )) as Answers["search"];
    },
    async readTraces(ids, signal) {
      const transfer: ArrayBuffer[] = [];
      const question: Question = { ask: "readTraces", ids: joinIds(ids, transfer) };
      const traces = (await ask(question, signal, transfer)) as Answers["readTraces"];
      for (const trace of traces) countReceived(trace?.byteLength ?? 0);
      return unpackTraces(traces);
    },
    async services(signal) {
      return (await ask({ ask: "services" }, signal)) as Answers["services"];
    },
    async operations(service, kind, signal) {
      const question: Question = { ask: "operations", service, kind };
      return (await ask(question, signal)) as Answers["operations"];
    },
    async calls(range, signal) {
      return (await ask({ ask: "calls", range }, signal)) as Answers["calls"];
    },
    async spanServices(names, signal) {
      const transfer: ArrayBuffer[] = [];
      const spans = moveSpanNames(names, transfer);
      const question: Question = { ask: "spanServices", spans };
      return (await ask(question, signal, transfer)) as Answers["spanServices"];
    },
    async series(query, signal) {
      return (await ask({ ask: "series", query }, signal)) as Answers["series"];
    },
    async attributeKeys(query, signal) {
      return (await ask({ ask: "attributeKeys", query }, signal)) as Answers["attributeKeys"];
    },
    async attributeValues(query, signal) {
      return (await ask({ ask: "attributeValues", query }, signal)) as Answers["attributeValues"];
    },
  };
}
