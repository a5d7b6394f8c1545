// Connections to one collector that look like one: another is opened while all that are there are busy.
//
//   call ─▶ the line with the fewest calls ─▶ its answer
//              └ all have BUSY_CALLS under way: one more line, up to LINES_MAX, for the calls to come
//
// A peer or a proxy that gives a connection a window of 64 KiB, as many do, takes that much in a round trip:
// 13 MB/s over a line of 5 ms, however idle it is. Each further connection brings a window of its own.
//
// A line that is lost is left out; calls under way on it end by themselves. The last one ends them all.
// Not here: which collector (collectors.ts), one connection (net/grpc-client.ts).

import type { GrpcCallOptions, GrpcClient } from "../../net/grpc-client.ts";
import { GrpcError } from "../../net/grpc-service.ts";

/** So many are busy with what one agent takes; a fleet of agents must not be a flood of connections. */
const LINES_MAX = 4;
/** An agent with little to send has one call under way now and then. */
const BUSY_CALLS = 8;

/** Opens one connection; `onLost` is called once when it takes no new calls any more. */
export type OpenLine = (onLost: () => void) => Promise<GrpcClient>;

export type GrpcLines = Pick<GrpcClient, "call" | "close">;

interface Line {
  client: GrpcClient | undefined;
  calls: number;
}

class Lines implements GrpcLines {
  readonly #open: OpenLine;
  readonly #onLost: () => void;
  readonly #lines = new Set<Line>();
  #isOpening = false;
  #mayGrow = true;
  #isClosed = false;

  constructor(open: OpenLine, onLost: () => void) {
    this.#open = open;
    this.#onLost = onLost;
  }

  /** @throws whatever `open` throws; nothing is added then. */
  async add(): Promise<void> {
    const line: Line = { client: undefined, calls: 0 };
    let isLost = false;
    const client = await this.#open(() => {
      isLost = true;
      if (this.#lines.delete(line)) this.#noteLoss();
    });
    line.client = client;
    if (this.#isClosed) client.close();
    else if (!isLost) this.#lines.add(line);
    else if (this.#lines.size === 0) this.#noteLoss();
  }

  async call(path: string, message: Uint8Array, options: GrpcCallOptions): Promise<Uint8Array> {
    const line = this.#choose();
    if (line?.client === undefined) throw new GrpcError("UNAVAILABLE", "the connection is lost");
    if (line.calls >= BUSY_CALLS) this.#grow();
    line.calls++;
    try {
      return await line.client.call(path, message, options);
    } finally {
      line.calls--;
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const { client } of this.#lines) client?.close();
    this.#lines.clear();
  }

  #choose(): Line | undefined {
    let best: Line | undefined;
    for (const line of this.#lines) if (best === undefined || line.calls < best.calls) best = line;
    return best;
  }

  #grow(): void {
    if (!this.#mayGrow || this.#isOpening || this.#lines.size >= LINES_MAX) return;
    this.#isOpening = true;
    this.add().then(
      () => {
        this.#isOpening = false;
      },
      // A peer that takes no more of them is not asked again; the lines that there are go on.
      () => {
        this.#isOpening = false;
        this.#mayGrow = false;
      },
    );
  }

  #noteLoss(): void {
    if (this.#lines.size === 0 && !this.#isClosed) {
      this.#isClosed = true;
      this.#onLost();
    }
  }
}

/**
 * Opens the first line. `onLost` is called once when none is left.
 *
 * @throws whatever `open` throws.
 */
export async function openGrpcLines(open: OpenLine, onLost: () => void): Promise<GrpcLines> {
  const lines = new Lines(open, onLost);
  await lines.add();
  return lines;
}
