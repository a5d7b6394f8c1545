// Durations as Go writes them: `300ms`, `1.5s`, `1h2m`, `-1m`, `0`.
//
//   duration = [+-] ( "0" | (digits ["." digits] unit)+ )
//   unit     = ns | us | µs | ms | s | m | h
//
// Source: Go time.ParseDuration and Duration.String; the error texts are Go's, as clients see them.
// Trust: text from people and peers; the length is bounded, and the result is a finite number.
// Not here: days and weeks (Go has none), dates.

import { SpoorError } from "./errors.ts";

const NS_OF_UNIT: ReadonlyMap<string, number> = new Map([
  ["ns", 1],
  ["us", 1e3],
  ["µs", 1e3], // U+00B5
  ["μs", 1e3], // U+03BC, which keyboards give as well
  ["ms", 1e6],
  ["s", 1e9],
  ["m", 60e9],
  ["h", 3_600e9],
]);

/** The longest text that a meaningful duration has is far shorter; longer ones are not scanned. */
const TEXT_CHARS_MAX = 128;

/** Go keeps nanoseconds in an int64. */
const NS_MAX = 2 ** 63;

/**
 * Nanoseconds of a duration in Go's syntax.
 *
 * @throws SpoorError `bad-input` with Go's own text, e.g. `time: missing unit in duration "5"`.
 */
export function parseDurationNs(text: string): number {
  if (text.length > TEXT_CHARS_MAX) throw refuse("invalid duration", text);
  const negative = text.startsWith("-");
  const body = negative || text.startsWith("+") ? text.slice(1) : text;
  if (body === "0") return 0;
  if (body === "") throw refuse("invalid duration", text);

  const part = /(\d+\.?\d*|\.\d+)([^\d.]*)/y;
  let ns = 0;
  while (part.lastIndex < body.length) {
    const found = part.exec(body);
    if (found === null) throw refuse("invalid duration", text);
    const unit = found[2] ?? "";
    if (unit === "") throw refuse("missing unit in duration", text);
    const unitNs = NS_OF_UNIT.get(unit);
    if (unitNs === undefined) throw refuse(`unknown unit "${unit}" in duration`, text);
    ns += Number(found[1]) * unitNs;
  }
  if (ns > NS_MAX) throw refuse("invalid duration", text);
  return negative ? 0 - Math.round(ns) : Math.round(ns);
}

/** Milliseconds of a duration in Go's syntax; may have a fraction. Errors as parseDurationNs. */
export function parseDurationMs(text: string): number {
  return parseDurationNs(text) / 1e6;
}

/** `1m2s`, `1.5s`, `300ms`, `0s`: what Go's Duration.String prints. `ns` must be finite. */
export function printDurationNs(ns: number): string {
  const sign = ns < 0 ? "-" : "";
  const size = Math.abs(Math.round(ns));
  if (size === 0) return "0s";
  if (size < 1e3) return `${sign}${size}ns`;
  if (size < 1e6) return `${sign}${printFixed(size, 1e3)}µs`;
  if (size < 1e9) return `${sign}${printFixed(size, 1e6)}ms`;
  const hours = Math.floor(size / 3_600e9);
  const minutes = Math.floor((size % 3_600e9) / 60e9);
  const seconds = `${printFixed(size % 60e9, 1e9)}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

/** As printDurationNs, from milliseconds. */
export function printDurationMs(ms: number): string {
  return printDurationNs(ms * 1e6);
}

/** `size / unit` without the rounding of a division: whole part and exact decimals. */
function printFixed(size: number, unit: number): string {
  const rest = size % unit;
  const whole = String((size - rest) / unit);
  if (rest === 0) return whole;
  const digits = String(rest).padStart(Math.log10(unit), "0");
  return `${whole}.${digits.replace(/0+$/, "")}`;
}

function refuse(what: string, text: string): SpoorError {
  const shown = text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}…` : text;
  return new SpoorError("bad-input", `time: ${what} ${JSON.stringify(shown)}`);
}
