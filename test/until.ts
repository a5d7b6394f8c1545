// Waiting for what is on its way, without a guess at how long it takes.

import { setTimeout as wait } from "node:timers/promises";

const LOOKS_MAX = 5_000;

/** Looks every ms until `isTrue`; a test that waits in vain fails after 5 s. */
export async function until(isTrue: () => boolean): Promise<void> {
  for (let look = 0; look < LOOKS_MAX; look++) {
    if (isTrue()) return;
    await wait(1);
  }
  throw new Error(`waited in vain for: ${isTrue.toString()}`);
}

/** Until the value is the same for 30 looks in a row: nothing moves any more. */
export async function untilStill(value: () => number): Promise<void> {
  let last = value();
  let same = 0;
  await until(() => {
    same = value() === last ? same + 1 : 0;
    last = value();
    return same > 30;
  });
}
