// What we promised ourselves. A broken promise is a bug, and a bug ends the process.
//
// Trust: never used on a peer's bytes; those throw SpoorError.

/** @throws Error that no door catches: the supervisor ends the process. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`bug: ${message}`);
}
