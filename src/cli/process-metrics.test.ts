// What this process tells of itself is plausible.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { MetricsRegistry } from "../base/metrics.ts";
import { printMetrics } from "../base/metrics-text.ts";
import { registerProcessMetrics } from "./process-metrics.ts";

const build = { version: "1.2.3", commit: "abc", buildDate: "2026-01-01" };

function scrape(): ReadonlyMap<string, number> {
  const registry = new MetricsRegistry();
  registerProcessMetrics(registry, build, systemClock);
  const lines = printMetrics(registry).split("\n");
  return new Map(
    lines
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
  );
}

test("registerProcessMetrics() tells the build and plausible numbers of this process", () => {
  const values = scrape();
  const labels = 'build_date="2026-01-01",revision="abc",version="1.2.3"';
  assert.equal(values.get(`jaeger_build_info{${labels}}`), 1);
  const between = (name: string, min: number, max: number): void => {
    const value = values.get(name) ?? Number.NaN;
    assert.ok(value >= min && value <= max, `${name} is ${value}`);
  };
  const nowS = systemClock.nowUs() / 1e6;
  between("process_start_time_seconds", nowS - process.uptime() - 5, nowS);
  between("process_cpu_seconds_total", 0.001, 3_600);
  between("nodejs_heap_size_used_bytes", 1e6, 4e9);
  between("nodejs_heap_size_total_bytes", 1e6, 4e9);
  between("nodejs_external_memory_bytes", 0, 4e9);
  between("nodejs_eventloop_lag_p99_seconds", 0, 3_600);
});

test("registerProcessMetrics() reads memory and files from /proc", (t) => {
  if (!existsSync("/proc/self/status")) return t.skip("there is no /proc here");
  const values = scrape();
  const resident = values.get("process_resident_memory_bytes") ?? 0;
  const real = process.memoryUsage().rss;
  assert.ok(Math.abs(resident - real) < real / 2, `${resident} is far from ${real}`);
  assert.ok((values.get("process_virtual_memory_bytes") ?? 0) > resident);
  const open = values.get("process_open_fds") ?? 0;
  assert.ok(open >= 3 && open <= (values.get("process_max_fds") ?? 0));
});
