// Arrays for what is needed for a moment while pages are read, used again and again: pages are decoded by the
// hundred for one question, and memory outside of V8's heap that is let go makes it look through all of it.
//
//   withLent(lender, 1_000, (zeros) => …)      an array that begins with 1,000 zeros; nobody keeps it
//
// A use within a use gets an array of its own. Not here: arrays that live as long as a block is written
// (scratch.ts).

type LentArray = Uint8Array | Uint16Array | Uint32Array;

export interface Lender<T extends LentArray> {
  readonly make: (length: number) => T;
  /** The array, while nobody uses it. */
  spare: T | undefined;
}

/** Longer ones are not kept. */
const KEPT_BYTES_MAX = 1 << 18;

export function makeLender<T extends LentArray>(make: (length: number) => T): Lender<T> {
  return { make, spare: undefined };
}

/** Calls `use` with an array whose first `length` numbers are 0. */
export function withLent<T extends LentArray, R>(
  lender: Lender<T>,
  length: number,
  use: (zeros: T) => R,
): R {
  const { spare } = lender;
  lender.spare = undefined;
  const isLongEnough = spare !== undefined && spare.length >= length;
  const zeros = isLongEnough ? spare : lender.make(length);
  if (isLongEnough) zeros.fill(0, 0, length);
  try {
    return use(zeros);
  } finally {
    if (zeros.byteLength <= KEPT_BYTES_MAX) lender.spare = zeros;
  }
}
