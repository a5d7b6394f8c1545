// Where log lines go: standard error, one line each, as JSON or for people.
//
//   json     {"level":"info","ts":1700000000.123,"msg":"OTLP gRPC","at":"127.0.0.1:4317","tls":true}
//   console  2023-11-14T22:13:20.123Z  info   OTLP gRPC             127.0.0.1:4317  tls=true
//
// Source: the field names of Jaeger's zap output, so that log pipelines keep working.
// Trust: messages are ours, fields may come from peers: JSON escapes them, console quotes them.
// Not here: what the rooms see of the log (base/log.ts).

import pino from "pino";
import type { Clock } from "../base/clock.ts";
import type { Log, LogFields } from "../base/log.ts";

/** Zap's levels; the last three mean the same here. */
export const LOG_LEVELS = ["debug", "info", "warn", "error", "dpanic", "panic", "fatal"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogOptions {
  readonly level: LogLevel;
  readonly encoding: "json" | "console";
  readonly clock: Clock;
  /** Takes whole lines, each with its line feed. */
  readonly write: (line: string) => void;
}

export interface OpenLog extends Log {
  /** The last words of the process: written at every level. */
  fatal(message: string, fields?: LogFields): void;
  level(): LogLevel;
  setLevel(level: LogLevel): void;
}

export function makeLog({ level, encoding, clock, write }: LogOptions): OpenLog {
  const seconds = (): string => (clock.nowUs() / 1e6).toFixed(3);
  const stream = { write: encoding === "json" ? write : (line: string) => write(forPeople(line)) };
  const logger = pino(
    {
      base: null,
      messageKey: "msg",
      timestamp: () => `,"ts":${seconds()}`,
      formatters: { level: (label) => ({ level: label }) },
      level: pinoLevel(level),
    },
    stream,
  );
  let current = level;
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    fatal: (message, fields) => logger.fatal(fields ?? {}, message),
    level: () => current,
    setLevel(next) {
      current = next;
      logger.level = pinoLevel(next);
    },
  };
}

/**
 * Writes lines to a file descriptor, each before the call returns, so that the last one is not lost.
 * A reader that has gone away is no reason to end.
 */
export function openLineWriter(fd: number): (line: string) => void {
  const stream = pino.destination({ fd, sync: true });
  let isOpen = true;
  stream.on("error", () => (isOpen = false));
  return (line) => {
    if (isOpen) stream.write(line);
  };
}

export function isLogLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}

function pinoLevel(level: LogLevel): pino.Level {
  return level === "dpanic" || level === "panic" ? "fatal" : level;
}

/** What listens where is a list of two columns: "Jaeger HTTP (thrift)" fits into the first. */
const WHAT_CHARS = 20;

/** One of our own JSON lines → one line for people. */
function forPeople(line: string): string {
  const { level, ts, msg, at, stack, ...fields } = JSON.parse(line) as {
    level: string;
    ts: number;
    msg: string;
  } & Record<string, unknown>;
  const time = new Date(ts * 1e3).toISOString();
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${printField(value)}`);
  const below = typeof stack === "string" ? `\n${stack}` : "";
  const what = at === undefined ? [msg] : [msg.padEnd(WHAT_CHARS), printField(at)];
  return `${[time, level.padEnd(5), ...what, ...rest].join("  ")}${below}\n`;
}

function printField(value: unknown): string {
  const isPlain = typeof value === "string" && /^[\x21\x23-\x3c\x3e-\x7e]+$/.test(value);
  return isPlain ? value : JSON.stringify(value);
}
