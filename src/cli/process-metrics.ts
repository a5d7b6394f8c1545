// What every process tells of itself: build, processor time, memory, files, event loop.
//
// Source: Prometheus' conventional process_* names, prom-client's nodejs_* names, Jaeger's
// jaeger_build_info. Memory and files come from /proc; where that is missing they are left out.

import { readFileSync, readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Clock } from "../base/clock.ts";
import { type MetricsRegistry, counter, gauge } from "../base/metrics.ts";
import type { Version } from "./version.ts";

export const processMetrics = {
  buildInfo: gauge({
    name: "jaeger_build_info",
    labels: ["build_date", "revision", "version"],
    help: "Always 1; the labels say which build is running.",
  }),
  startTime: gauge({
    name: "process_start_time_seconds",
    help: "When the process started, in seconds since the Unix epoch.",
  }),
  cpu: counter({
    name: "process_cpu_seconds_total",
    help: "Processor time of all threads, user and system, in seconds.",
  }),
  heapUsed: gauge({
    name: "nodejs_heap_size_used_bytes",
    help: "JavaScript heap in use, in bytes.",
  }),
  heapTotal: gauge({
    name: "nodejs_heap_size_total_bytes",
    help: "JavaScript heap reserved, in bytes.",
  }),
  external: gauge({
    name: "nodejs_external_memory_bytes",
    help: "Memory of buffers and of objects outside the JavaScript heap, in bytes.",
  }),
  loopDelay: gauge({
    name: "nodejs_eventloop_lag_p99_seconds",
    help: "99th percentile of how late the event loop came round, since the last scrape.",
  }),
};

/** Only where there is a /proc. */
export const procMetrics = {
  resident: gauge({
    name: "process_resident_memory_bytes",
    help: "Memory that is in RAM, in bytes.",
  }),
  virtual: gauge({
    name: "process_virtual_memory_bytes",
    help: "Address space, in bytes.",
  }),
  openFiles: gauge({
    name: "process_open_fds",
    help: "Open file descriptors, sockets among them.",
  }),
  openFilesMax: gauge({
    name: "process_max_fds",
    help: "Open file descriptors that are allowed.",
  }),
};

/** Resolution of the event loop's delay: finer costs more wake-ups of an idle process. */
const LOOP_RESOLUTION_MS = 100;

export function registerProcessMetrics(
  registry: MetricsRegistry,
  { version, commit, buildDate }: Version,
  clock: Clock,
): void {
  const metrics = registry.register(processMetrics);
  metrics.buildInfo.with({ build_date: buildDate, revision: commit, version }).set(1);
  metrics.startTime.with().set(clock.nowUs() / 1e6 - process.uptime());
  metrics.cpu.with().readFrom(() => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.heapUsed.with().readFrom(() => process.memoryUsage().heapUsed);
  metrics.heapTotal.with().readFrom(() => process.memoryUsage().heapTotal);
  metrics.external.with().readFrom(() => process.memoryUsage().external);
  const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  delay.enable();
  metrics.loopDelay.with().readFrom(() => {
    const lateNs = Math.max(0, delay.percentile(99) - LOOP_RESOLUTION_MS * 1e6);
    delay.reset();
    return lateNs / 1e9;
  });
  if (readProc("status") !== "") registerProc(registry);
}

function registerProc(registry: MetricsRegistry): void {
  const metrics = registry.register(procMetrics);
  metrics.resident.with().readFrom(() => readStatusBytes("VmRSS"));
  metrics.virtual.with().readFrom(() => readStatusBytes("VmSize"));
  metrics.openFiles.with().readFrom(() => readdirSync("/proc/self/fd").length);
  metrics.openFilesMax.with().readFrom(() => {
    const found = /^Max open files\s+(\d+)/m.exec(readProc("limits"));
    return found === null ? Number.POSITIVE_INFINITY : Number(found[1]);
  });
}

/** A line such as `VmRSS:   12345 kB`, in bytes. */
function readStatusBytes(field: string): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readProc("status"));
  return found === null ? Number.NaN : Number(found[1]) * 1_024;
}

function readProc(name: string): string {
  try {
    return readFileSync(`/proc/self/${name}`, "utf8");
  } catch {
    return ""; // not Linux
  }
}
