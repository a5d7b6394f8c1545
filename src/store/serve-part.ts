// Answers questions about a part that come through a message port: the end in the other thread.
//
//   port ─▶ question ─▶ open(extra): Part ─▶ answer ─▶ port
//        ─▶ cancel ──▶ the question's signal
//
// A failure that is nobody's bug goes back as it is. A bug ends this thread, as everywhere, and the other
// side sees its port close.
// Not here: the asking end (remote-part.ts), what the messages hold (part-messages.ts).

import type { MessagePort } from "node:worker_threads";
import { SpoorError } from "../base/errors.ts";
import { type FromServer, type ToServer, answerQuestion } from "./part-messages.ts";
import type { Part } from "./part.ts";

/**
 * Serves until the port closes; the other side bounds how many questions are open.
 *
 * @param open called once a question with the extra argument that the asker gave, for the part that the
 *   question is about.
 */
export function servePart(port: MessagePort, open: (extra: unknown) => Part): void {
  const running = new Map<number, AbortController>();

  const serve = async (asked: Extract<ToServer, { number: number }>): Promise<void> => {
    const { number, extra, question } = asked;
    const controller = new AbortController();
    running.set(number, controller);
    try {
      const part = open(extra);
      const { content, transfer } = await answerQuestion(part, question, controller.signal);
      port.postMessage({ number, answer: content } satisfies FromServer, transfer);
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      const { code, message, where } = error;
      port.postMessage({ number, failure: { code, message, where } } satisfies FromServer, []);
    } finally {
      running.delete(number);
    }
  };

  port.on("message", (message: ToServer) => {
    if ("cancel" in message) running.get(message.cancel)?.abort();
    else void serve(message);
  });
  port.on("close", () => {
    for (const controller of running.values()) controller.abort();
  });
}
