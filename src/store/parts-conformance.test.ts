// The suite of all stores over stores of several parts: nobody can tell them from one of one part.

import { after } from "node:test";
import { conformance } from "../../test/store/conformance.ts";
import { type DealtPart, makeDealtStore } from "../../test/store/dealt-store.ts";
import { openHeads } from "../../test/store/open-heads.ts";
import { systemClock } from "../base/clock.ts";
import { HeadPart } from "./head/head-part.ts";
import { Head } from "./head/head.ts";

const PARTS = 3;
const BLOCK_ROWS_MAX = 64;

let seed = 0;

conformance("three heads", () => {
  const parts = Array.from({ length: PARTS }, (): DealtPart => {
    const head = new Head(BLOCK_ROWS_MAX);
    return {
      part: new HeadPart(head, systemClock),
      append: (batch) => Promise.resolve(head.append(batch)),
    };
  });
  return Promise.resolve(makeDealtStore(parts, seed++, () => Promise.resolve()));
});

const threads = [openHeads(), openHeads()];
after(() => Promise.all(threads.map((thread) => thread.close())));
let nextHead = 0;

conformance("three heads in two threads", () => {
  const numbers = Array.from({ length: PARTS }, () => nextHead++);
  const threadOf = (head: number): (typeof threads)[number] => threads[head % threads.length]!;
  const parts = numbers.map((head): DealtPart => ({
    part: threadOf(head).parts.part(head),
    append: (batch) => threadOf(head).append(head, batch, BLOCK_ROWS_MAX),
  }));
  const drop = async (): Promise<void> => {
    for (const thread of threads) {
      await thread.drop(numbers.filter((head) => threadOf(head) === thread));
    }
  };
  return Promise.resolve(makeDealtStore(parts, seed++, drop));
});
