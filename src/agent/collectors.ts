// The collectors that the agent may send to: found by name, connected, watched, and chosen from.
//
//   names ─ resolve, again and again ─▶ peers ─ connect (at least minPeers) ─▶ lanes
//   take ─▶ the lane with the fewest calls under way, that is not resting ─▶ done(outcome)
//
//   idle ─▶ connecting ─▶ up ─ lost, or its check failed ─▶ idle, resting (back-off.ts)
//                          └─ a call set back ─▶ up, resting
//
// A peer rests after a failure, for longer each time, until a call succeeds. A slow one holds as many
// calls as it may and no more; the others go on.
//
// Trust: names are the operator's, addresses those of the name service.
// Not here: what is sent (forwarder.ts), protocols (reporters/).

import type { Clock } from "../base/clock.ts";
import { type HostPort, printHostPort } from "../base/host-port.ts";
import type { Log } from "../base/log.ts";
import { backOffMs } from "./back-off.ts";
import { type Lane, type Reporter, Setback } from "./reporters/reporter.ts";
import type { Wake } from "./timers.ts";

/** @returns addresses of a name. @throws when there are none. */
export type Resolve = (hostName: string) => Promise<readonly string[]>;

export interface CollectorsOptions {
  readonly hostPorts: readonly HostPort[];
  readonly reporter: Reporter;
  /** Connected and not resting, if there are so many. */
  readonly minPeers: number;
  readonly resolve: Resolve;
  readonly clock: Clock;
  readonly wake: Wake;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly log: Log;
  /** Something is not as we thought: the process should end. */
  readonly onBug: (error: unknown) => void;
}

/** A lane that was taken, for one call. */
export interface TakenLane {
  readonly lane: Lane;
  readonly address: string;
  /** Tells how it went, once. After a setback it rests. */
  done(outcome: "good" | "refused" | "cancelled" | Setback): void;
}

/** How often names are looked up and lanes checked; spread by a quarter. */
const RESOLVE_MS = 30_000;
const CHECK_MS = 10_000;
/**
 * Of one lane: enough for 200,000 spans a second of many services, whose parcels of 40 KB are answered after
 * 20 ms, and for 40 MB/s over a line of 100 ms; what hangs there is half of what the agent holds by default.
 */
const LANE_CALLS_MAX = 64;
const LANE_BYTES_MAX = 4 * 1024 * 1024;
/** Of all names together; a service of Kubernetes has as many as it has collectors. */
const PEERS_MAX = 256;

interface Peer {
  readonly hostName: string;
  readonly address: HostPort;
  readonly key: string;
  state: "idle" | "connecting" | "up";
  lane: Lane | undefined;
  calls: number;
  /** Of the payloads of these calls. */
  bytes: number;
  failures: number;
  /** Left alone until then, in ms of the monotonic clock. */
  restsUntilMs: number;
  wasUp: boolean;
  /** Its name does not have it any more: no new calls. */
  isGone: boolean;
}

interface Waiting {
  readonly bytes: number;
  readonly avoid: string | undefined;
  readonly give: (lane: TakenLane | undefined) => void;
}

export class Collectors {
  /** Connections made again after one was lost. */
  reconnects = 0;
  readonly #options: CollectorsOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #waiting = new Set<Waiting>();
  #hadLane = false;
  #isClosed = false;
  #cancelLook: (() => void) | undefined;
  #lookAtMs = Infinity;
  readonly #cancels: (() => void)[] = [];
  #awaySinceMs: number;

  constructor(options: CollectorsOptions) {
    this.#options = options;
    this.#awaySinceMs = options.clock.monotonicMs();
  }

  get connected(): number {
    return this.#count((peer) => peer.state === "up");
  }

  get known(): number {
    return this.#peers.size;
  }

  /** Ms since no lane may take calls; 0 while there is one. */
  awayMs(): number {
    const now = this.#options.clock.monotonicMs();
    return this.#count((peer) => isUsable(peer, now)) > 0 ? 0 : now - this.#awaySinceMs;
  }

  /** Begins to look for collectors; resolves when their names have been looked up once. */
  async open(): Promise<void> {
    await this.#resolveAll();
    this.#repeat(RESOLVE_MS, () => this.#resolveAll());
    this.#repeat(CHECK_MS, () => this.#checkAll());
  }

  /**
   * A lane that is free now, for a payload of so many bytes.
   *
   * @param avoid address of a collector that is taken only if there is no other.
   */
  tryTake(bytes: number, avoid?: string): TakenLane | undefined {
    const peer = this.#isClosed ? undefined : this.#choose(bytes, avoid);
    return peer === undefined ? undefined : this.#lend(peer, bytes);
  }

  /** As `tryTake`, later. @returns undefined when the signal is aborted, or this is closed. */
  take(bytes: number, signal: AbortSignal, avoid?: string): Promise<TakenLane | undefined> {
    if (this.#isClosed || signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const waiting: Waiting = {
        bytes,
        avoid,
        give: (lane) => {
          signal.removeEventListener("abort", onAbort);
          this.#waiting.delete(waiting);
          resolve(lane);
        },
      };
      const onAbort = () => waiting.give(undefined);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(waiting);
      this.#look();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelLook?.();
    for (const cancel of this.#cancels) cancel();
    for (const waiting of this.#waiting) waiting.give(undefined);
    for (const peer of this.#peers.values()) peer.lane?.close();
  }

  #count(is: (peer: Peer) => boolean): number {
    let count = 0;
    for (const peer of this.#peers.values()) if (is(peer)) count++;
    return count;
  }

  #choose(bytes: number, avoid: string | undefined): Peer | undefined {
    const now = this.#options.clock.monotonicMs();
    let best: Peer | undefined;
    let avoided: Peer | undefined;
    for (const peer of this.#peers.values()) {
      if (!isUsable(peer, now) || !hasRoom(peer, bytes)) continue;
      if (peer.key === avoid) avoided = peer;
      else if (peer.calls < (best?.calls ?? Infinity)) best = peer;
    }
    return best ?? avoided;
  }

  #lend(peer: Peer, bytes: number): TakenLane {
    peer.calls++;
    peer.bytes += bytes;
    let isDone = false;
    return {
      lane: peer.lane!,
      address: peer.key,
      done: (outcome) => {
        if (isDone) return;
        isDone = true;
        peer.calls--;
        peer.bytes -= bytes;
        if (outcome instanceof Setback) this.#rest(peer, outcome.retryAfterMs);
        else if (outcome !== "cancelled") {
          peer.failures = 0;
          this.#hadLane = true;
        }
        if (peer.isGone && peer.calls === 0) this.#drop(peer);
        this.#look();
      },
    };
  }

  #rest(peer: Peer, askedMs: number): void {
    const { clock, random } = this.#options;
    const now = clock.monotonicMs();
    // Calls that fail together are one failure.
    if (peer.restsUntilMs > now && askedMs === 0) return;
    peer.failures++;
    const untilMs = now + backOffMs(peer.failures, random, askedMs);
    peer.restsUntilMs = Math.max(peer.restsUntilMs, untilMs);
    this.#noteAway();
  }

  #noteAway(): void {
    const now = this.#options.clock.monotonicMs();
    if (this.#hadLane && this.#count((peer) => isUsable(peer, now)) === 0) {
      this.#hadLane = false;
      this.#awaySinceMs = now;
    }
  }

  /** Connects what is missing, gives lanes to who waits, and comes again when a rest is over. */
  #look(): void {
    if (this.#isClosed) return;
    const { clock, minPeers } = this.#options;
    const now = clock.monotonicMs();
    const isWorking = (peer: Peer) => isUsable(peer, now) || peer.state === "connecting";
    const idle = [...this.#peers.values()].filter((peer) => isIdle(peer, now));
    let missing = minPeers - this.#count(isWorking);
    // A lane that is full is as good as none.
    if (this.#waiting.size > 0) missing = Math.max(missing, 1);
    for (; missing > 0 && idle.length > 0; missing--) {
      const at = Math.floor(this.#options.random() * idle.length);
      void this.#connect(idle.splice(at, 1)[0]!).catch(this.#options.onBug);
    }
    for (const waiting of this.#waiting) {
      const peer = this.#choose(waiting.bytes, waiting.avoid);
      if (peer === undefined) break;
      waiting.give(this.#lend(peer, waiting.bytes));
    }
    let nextMs = Infinity;
    for (const peer of this.#peers.values()) {
      if (peer.restsUntilMs > now) nextMs = Math.min(nextMs, peer.restsUntilMs);
    }
    this.#lookAt(nextMs);
  }

  #lookAt(ms: number): void {
    if (this.#cancelLook !== undefined && this.#lookAtMs === ms) return;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    this.#lookAtMs = ms;
    if (ms === Infinity) return;
    const waitMs = Math.max(1, Math.ceil(ms - this.#options.clock.monotonicMs()));
    this.#cancelLook = this.#options.wake(waitMs, () => {
      this.#cancelLook = undefined;
      this.#look();
    });
  }

  async #connect(peer: Peer): Promise<void> {
    const { reporter, log } = this.#options;
    peer.state = "connecting";
    let isLost = false;
    const onLost = (): void => {
      isLost = true;
      if (peer.state === "up") this.#lose(peer, "the connection was lost");
    };
    try {
      peer.lane = await reporter.open(peer, onLost);
    } catch (error) {
      peer.state = "idle";
      this.#rest(peer, error instanceof Setback ? error.retryAfterMs : 0);
      const text = error instanceof Error ? error.message : String(error);
      log.debug("a collector cannot be reached", { collector: peer.key, error: text });
      this.#look();
      return;
    }
    peer.state = "up";
    if (isLost || this.#isClosed || peer.isGone) {
      this.#lose(peer, "the connection was lost at once");
      return;
    }
    if (peer.wasUp) this.reconnects++;
    peer.wasUp = true;
    this.#hadLane = true;
    peer.restsUntilMs = 0;
    log.info("a collector is connected", { collector: peer.key, protocol: reporter.protocol });
    this.#look();
  }

  #lose(peer: Peer, why: string): void {
    peer.state = "idle";
    const { lane } = peer;
    peer.lane = undefined;
    if (this.#isClosed) {
      lane?.close();
      return;
    }
    this.#options.log.info("a collector is not connected any more", { collector: peer.key, why });
    this.#rest(peer, 0);
    if (peer.isGone) this.#drop(peer);
    this.#look();
  }

  #repeat(everyMs: number, act: () => Promise<void>): void {
    const { wake, random, onBug } = this.#options;
    const at = this.#cancels.length;
    this.#cancels.push(() => undefined);
    const again = (): void => {
      if (this.#isClosed) return;
      this.#cancels[at] = wake(everyMs * (0.875 + random() / 4), () => {
        act().then(again, onBug);
      });
    };
    again();
  }

  async #checkAll(): Promise<void> {
    await Promise.all(
      [...this.#peers.values()].map(async (peer) => {
        const { lane } = peer;
        if (lane === undefined) return;
        try {
          await lane.check();
        } catch {
          if (peer.lane !== lane) return;
          lane.close();
          this.#lose(peer, "it does not answer, or does not serve");
        }
      }),
    );
  }

  async #resolveAll(): Promise<void> {
    const { hostPorts, resolve, log } = this.#options;
    const found = new Map<string, Omit<Peer, "key">>();
    const failed = new Set<string>();
    await Promise.all(
      hostPorts.map(async ({ host, port }) => {
        try {
          for (const one of await resolve(host)) {
            const address = { host: one, port };
            if (found.size < PEERS_MAX) found.set(printHostPort(address), makePeer(host, address));
          }
        } catch (error) {
          failed.add(host);
          log.warn("a collector's name has no address", { name: host, error: String(error) });
        }
      }),
    );
    if (this.#isClosed) return;
    for (const [key, peer] of found) {
      const known = this.#peers.get(key);
      if (known === undefined) this.#peers.set(key, { ...peer, key });
      else known.isGone = false;
    }
    for (const [key, peer] of this.#peers) {
      if (found.has(key) || failed.has(peer.hostName)) continue;
      peer.isGone = true;
      if (peer.calls === 0 && peer.state !== "connecting") this.#drop(peer);
    }
    this.#look();
  }

  #drop(peer: Peer): void {
    this.#peers.delete(peer.key);
    peer.state = "idle";
    peer.lane?.close();
    peer.lane = undefined;
    this.#noteAway();
  }
}

function makePeer(hostName: string, address: HostPort): Omit<Peer, "key"> {
  return {
    hostName,
    address,
    state: "idle",
    lane: undefined,
    calls: 0,
    bytes: 0,
    failures: 0,
    restsUntilMs: 0,
    wasUp: false,
    isGone: false,
  };
}

function isUsable(peer: Peer, nowMs: number): boolean {
  return peer.lane !== undefined && peer.restsUntilMs <= nowMs && !peer.isGone;
}

/** One payload fits always. */
function hasRoom({ calls, bytes }: Peer, more: number): boolean {
  return calls < LANE_CALLS_MAX && (calls === 0 || bytes + more <= LANE_BYTES_MAX);
}

function isIdle(peer: Peer, nowMs: number): boolean {
  return peer.state === "idle" && peer.restsUntilMs <= nowMs && !peer.isGone;
}
