// Why the doors refuse a body before any handler sees it.
//
// Not here: what handlers refuse (SpoorError, GrpcError); which status it becomes (status.ts).

import type { ByteBudget } from "./byte-budget.ts";

export type BodyReason =
  | "too-large" //        over a bound of this door; do not repeat
  | "over-budget" //      all bodies in flight together are over the bound; repeat later
  | "corrupt" //          does not decompress, or the framing is broken
  | "unknown-encoding"; // a compression that we do not know

export class BodyError extends Error {
  override readonly name = "BodyError";
  readonly reason: BodyReason;

  constructor(reason: BodyReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

export function overBudget({ heldBytes, bytesMax }: ByteBudget): BodyError {
  const message = `too many bytes in flight: ${heldBytes} of ${bytesMax}, try again later`;
  return new BodyError("over-budget", message);
}
