// Whether the processes that this one was started beside are still there: for sidecars of jobs.
//
//   /proc ─▶ processes but: the first one of the namespace, this one, those that it was started by
//            none seen yet ─▶ wait        some ─▶ wait        none any more, twice in a row ─▶ onGone
//
// The containers of a pod see each other's processes if it shares its process namespace; the first one is
// then the pod's own, which outlives them all. Without that there are no peers, and nothing ends.
//
// Source: proc(5), /proc/[pid]/stat. Not here: what ends then (supervisor.ts).

import { readFileSync, readdirSync } from "node:fs";
import type { Log } from "../base/log.ts";

const LOOK_MS = 1_000;
/** A job may start one process after the other: it is over when nobody is there for so many looks. */
const EMPTY_LOOKS = 2;
const FIRST_PID = 1;

export interface SeenProcess {
  readonly pid: number;
  readonly parent: number;
  /** It has ended, and its parent has not asked for it yet. */
  readonly isZombie: boolean;
}

export interface WatchPeersOptions {
  readonly onGone: (why: string) => void;
  readonly log: Log;
  readonly list?: () => readonly SeenProcess[];
  readonly pid?: number;
  readonly lookMs?: number;
}

/** @returns what ends the watch. */
export function watchPeers(options: WatchPeersOptions): () => void {
  const { onGone, log, list = listProcesses, pid = process.pid, lookMs = LOOK_MS } = options;
  let wasSeen = false;
  let empty = 0;
  const look = (): void => {
    const peers = findPeers(list(), pid);
    if (peers.length > 0) {
      if (!wasSeen) log.info("ending with the processes beside this one", { peers: peers.length });
      wasSeen = true;
      empty = 0;
    } else if (wasSeen && ++empty === EMPTY_LOOKS) {
      clearInterval(timer);
      onGone("no peer is left");
    }
  };
  const timer = setInterval(look, lookMs);
  timer.unref();
  look();
  return () => clearInterval(timer);
}

/** The processes that are neither the namespace's first, nor `own`, nor its ancestors. */
export function findPeers(processes: readonly SeenProcess[], own: number): readonly number[] {
  const parents = new Map(processes.map(({ pid, parent }) => [pid, parent]));
  const apart = new Set([FIRST_PID]);
  for (let pid = own; pid > 0 && !apart.has(pid); pid = parents.get(pid) ?? 0) apart.add(pid);
  return processes
    .filter(({ pid, isZombie }) => !isZombie && !apart.has(pid))
    .map(({ pid }) => pid);
}

/** Empty where there is no /proc. */
function listProcesses(): readonly SeenProcess[] {
  let names: readonly string[];
  try {
    names = readdirSync("/proc");
  } catch {
    return [];
  }
  return names.filter((name) => /^\d+$/.test(name)).flatMap((name) => readProcess(Number(name)));
}

function readProcess(pid: number): readonly SeenProcess[] {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return []; // it has ended since
  }
  // The name, in parentheses, may hold anything: fields count from behind it.
  const [state = "", parent = "0"] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [{ pid, parent: Number(parent), isZombie: state === "Z" || state === "X" }];
}
