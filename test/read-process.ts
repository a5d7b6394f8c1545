// What the kernel says of a process: CPU time and memory. Linux only; elsewhere the figures are 0.

import { readFileSync } from "node:fs";

/** Clock ticks a second of /proc: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface ProcessFigures {
  /** User and system time since the start, seconds. */
  readonly cpuSeconds: number;
  /** Resident memory now, its anonymous part, and the most it ever was; bytes. */
  readonly rssBytes: number;
  readonly rssAnonBytes: number;
  readonly rssPeakBytes: number;
}

export function readProcess(pid: number): ProcessFigures {
  let stat: string;
  let status: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    status = readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return { cpuSeconds: 0, rssBytes: 0, rssAnonBytes: 0, rssPeakBytes: 0 };
  }
  // The name, in parentheses, may hold anything: fields count from behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const kilobytes = (key: string): number =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    rssBytes: kilobytes("VmRSS"),
    rssAnonBytes: kilobytes("RssAnon"),
    rssPeakBytes: kilobytes("VmHWM"),
  };
}

/** Busy seconds of all processors since the machine started. */
export function readMachineBusySeconds(): number {
  try {
    const line = readFileSync("/proc/stat", "utf8").split("\n")[0]!;
    const ticks = line.trim().split(/\s+/).slice(1).map(Number);
    const idle = ticks[3]! + ticks[4]!;
    return (ticks.reduce((sum, one) => sum + one, 0) - idle) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}
