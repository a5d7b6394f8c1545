// Frees memory when we know better than V8 that it is garbage: what was received, and the start's.
//
//   received: 64 KiB a read, outside the heap ─▶ used for microseconds ─▶ garbage
//   V8 alone: as much of it as the heap may grow by ─▶ full collection: marks the whole heap
//   here:     4 MiB of it ─▶ young collection: looks at what is new only, 0.5 ms
//
// Measured with 250 KB messages over gRPC and 50 MB of live objects in the heap: 420 µs of CPU a
// message without, 130 µs with; the larger the heap, the larger the gain.
//
// The function is V8's own, which only a flag makes visible, and only in contexts made after it;
// the flag is taken back at once. Without it (another engine, a policy) nothing is collected here.
// State of the process, not of a door: there is one heap, so there is one count.
// Not here: memory that is used again (byte-budget.ts) and so never becomes garbage.

import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

type Collect = (options: {
  readonly type: "minor" | "major";
  readonly flavor?: "regular" | "last-resort";
}) => void;

/**
 * Well below what makes V8 collect all: with 24 MiB it did so after every 20,000 spans, here after 150,000.
 */
const COLLECT_EVERY_BYTES = 4 * 1024 * 1024;

/** Large pieces outlive young collections; a full one after as much as V8 would wait for at best. */
const COLLECT_ALL_EVERY_BYTES = 64 * 1024 * 1024;
/** Usual bodies and batches are smaller, and kept for the next one. */
const LARGE_BYTES_MIN = 4 * 1024 * 1024;

/**
 * New objects get this much room before they are looked through. V8 lets the room grow to 128 MB when
 * many survive a look, as in a burst, and keeps it; receiving and storing make few objects.
 */
const YOUNG_BYTES_MAX = 8 * 1024 * 1024;
/** Between two looks at how large the room is: one costs 10 µs. */
const LOOK_EVERY_BYTES = 1024 * 1024;

/**
 * How much a heap, and what lies outside of it, may grow until V8 looks through all of it. A small heap
 * like ours gets 10 % from V8, so that marking it took a tenth of the CPU of a server under load; more than
 * this costs memory and gains little.
 */
const GROWING_PERCENT = 100;

/** Of the function; one takes a millisecond. */
const SEARCHES_MAX = 8;

let searches = 0;
let isYoungBound = false;
let lookBytes = 0;
let receivedBytes = 0;
let largeBytes = 0;
let collect: Collect | undefined;

/**
 * Counts bytes outside of the heap that are of use for a moment only, because they came over a socket or from
 * a thread, or go to one, and frees what earlier ones left behind.
 */
export function countReceived(bytes: number): void {
  if (!isYoungBound) boundYoung(bytes);
  receivedBytes += bytes;
  if (receivedBytes < COLLECT_EVERY_BYTES) return;
  receivedBytes = 0;
  collect ??= findCollect();
  collect?.({ type: "minor" });
}

/**
 * Counts memory that was let go, in bytes. Few large pieces are garbage that V8 is slow to see: eight
 * senders of the worst bodies would leave 200 MB of it.
 */
export function countLetGo(bytes: number): void {
  if (bytes < LARGE_BYTES_MIN) return;
  largeBytes += bytes;
  if (largeBytes < COLLECT_ALL_EVERY_BYTES) return;
  largeBytes = 0;
  collect ??= findCollect();
  collect?.({ type: "major", flavor: "regular" });
}

/**
 * Frees what compiling and loading has left, once, when everything is open: V8 would keep it until
 * the load makes it collect. Of 58 MB idle after a first start 45 stay, of 33 MB with compiled code
 * in the cache 24 (`RssAnon`). Takes 35 ms; another flavour gives no page back.
 */
export function freeAfterStart(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
  collect ??= findCollect();
  collect?.({ type: "major", flavor: "last-resort" });
}

/**
 * Keeps the room for new objects as small as it is at the start, 1 MiB: for a process that has to be small
 * rather than fast. Looking through it costs little as long as next to nothing survives.
 */
export function keepYoungSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  isYoungBound = true;
}

/** Ends the growth of the room for new objects once it is large enough. */
function boundYoung(bytes: number): void {
  lookBytes += bytes;
  if (lookBytes < LOOK_EVERY_BYTES) return;
  lookBytes = 0;
  const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space");
  if (young === undefined || young.space_size < YOUNG_BYTES_MAX) return;
  setFlagsFromString("--semi-space-growth-factor=1");
  isYoungBound = true;
}

/**
 * V8's own function. The flag is one for all threads: a thread that takes it back at the wrong moment hides
 * the function from another, which then asks again.
 */
function findCollect(): Collect | undefined {
  if (searches === SEARCHES_MAX) return () => {};
  searches++;
  setFlagsFromString("--expose-gc");
  const found: unknown = runInNewContext("globalThis.gc");
  setFlagsFromString("--no-expose-gc");
  return typeof found === "function" ? (found as Collect) : undefined;
}
