// A span that is too large to be sent, made smaller in steps until it fits; it says so in a tag.
//
//   step 0   values up to 1,024 characters, also those of logs
//   step 1   no logs, no references, values up to 256
//   step 2   64 tags, values up to 64, keys up to 128, name up to 256
//   step 3   8 tags, values and keys up to 32, name up to 64
//
//   tag spoor.cut = "3 values, 12 logs, 0 tags"     what is gone or not whole

import { plainValue, printName } from "../plain-value.ts";
import type { FinishedSpan, TagLike } from "./span-buffer.ts";

interface Step {
  readonly keepsLogs: boolean;
  readonly valueChars: number;
  readonly keyChars: number;
  readonly nameChars: number;
  readonly tagsMax: number;
}

const WHOLE = Number.POSITIVE_INFINITY;
const STEPS: readonly Step[] = [
  { keepsLogs: true, valueChars: 1_024, keyChars: 1_024, nameChars: 1_024, tagsMax: WHOLE },
  { keepsLogs: false, valueChars: 256, keyChars: 256, nameChars: 1_024, tagsMax: WHOLE },
  { keepsLogs: false, valueChars: 64, keyChars: 128, nameChars: 256, tagsMax: 64 },
  { keepsLogs: false, valueChars: 32, keyChars: 32, nameChars: 64, tagsMax: 8 },
];

/** Steps that there are: 0, 1, …, each smaller than the one before. */
export const CUT_STEPS: number = STEPS.length;

const CUT_KEY = "spoor.cut";

/** What is left of `span` after step `index`. May throw if the span's parts are none. */
export function cutSpan(span: FinishedSpan, index: number): FinishedSpan {
  const step = STEPS[index]!;
  const cutter = { values: 0 };
  const context = span.context();
  const tags = cutTags(span._tags, step, cutter);
  const logs = step.keepsLogs
    ? span._logs.map(({ timestamp, fields }) => ({
        timestamp,
        fields: cutTags(fields, step, cutter),
      }))
    : [];
  const lostLogs = span._logs.length - logs.length;
  const lostTags = span._tags.length - tags.length;
  const value = `${cutter.values} values, ${lostLogs} logs, ${lostTags} tags`;
  return {
    context: () => context,
    _operationName: cutText(span._operationName, step.nameChars, cutter),
    _startTime: span._startTime,
    _duration: span._duration,
    _tags: [...tags, { key: CUT_KEY, value }],
    _logs: logs,
    _references: step.keepsLogs ? span._references : [],
    _droppedTags: span._droppedTags + lostTags,
    _droppedLogs: span._droppedLogs + lostLogs,
  };
}

/** The tags of a process after step `index`. */
export function cutProcessTags(tags: readonly TagLike[], index: number): TagLike[] {
  const cutter = { values: 0 };
  const kept = cutTags(tags, STEPS[index]!, cutter);
  const value = `${cutter.values} values, ${tags.length - kept.length} tags`;
  return [...kept, { key: CUT_KEY, value }];
}

function cutTags(tags: readonly TagLike[], step: Step, cutter: { values: number }): TagLike[] {
  const kept: TagLike[] = [];
  for (const { key, value } of tags) {
    if (kept.length >= step.tagsMax) break;
    kept.push({
      key: cutText(printName(key), step.keyChars, cutter),
      value: cutValue(value, step.valueChars, cutter),
    });
  }
  return kept;
}

function cutValue(value: unknown, charsMax: number, cutter: { values: number }): unknown {
  const plain = plainValue(value);
  if (typeof plain === "string") return cutText(plain, charsMax, cutter);
  if (!(plain instanceof Uint8Array) || plain.length <= charsMax) return plain;
  cutter.values++;
  return plain.subarray(0, charsMax);
}

function cutText(text: string, charsMax: number, cutter: { values: number }): string {
  if (text.length <= charsMax) return text;
  cutter.values++;
  return `${text.slice(0, charsMax - 1)}…`;
}
