// W3C Trace Context: `traceparent` and `tracestate`.
//
//   traceparent: 00-463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-01
//                version (ff is none) - trace - span - flags (1 sampled)
//                later versions: "-" and more may follow, of the flags only "sampled" is known
//   tracestate:  vendor=value,tenant@vendor=value     up to 32 members, kept as it came
//
// Source: w3.org/TR/trace-context (level 1) and /trace-context-2. Level 2's flag "random" is read over,
// and written as 0, which says nothing of the trace id: OpenTelemetry's Go SDK, in versions that are
// still about (1.39), takes a `traceparent` with flags 03 for none at all.
// Trust: a peer's text. A bad `tracestate` is dropped and leaves `traceparent` alone (§3.3).

import { FLAG_SAMPLED, SpanContext } from "../span-context.ts";
import {
  TRACE_STATE_CHARS_MAX,
  TRACE_STATE_LONG_MEMBER_CHARS,
  TRACE_STATE_MEMBERS_MAX,
} from "./bounds.ts";

const TRACE_PARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}/;
const TRACE_PARENT_CHARS = 55;
const TRACE = 3;
const SPAN = 36;
const FLAGS = 53;

/** Level 1 and 2 alike, and a digit in front, which drafts of level 2 allowed. */
const TRACE_STATE_KEY =
  /^(?:[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/;
const TRACE_STATE_VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

export function parseTraceParent(header: string): SpanContext | undefined {
  const text = header.trim();
  if (!TRACE_PARENT.test(text) || text.startsWith("ff")) return undefined;
  if (text.length > TRACE_PARENT_CHARS) {
    if (text.startsWith("00") || text[TRACE_PARENT_CHARS] !== "-") return undefined;
  }
  const flags = Number.parseInt(text.slice(FLAGS, TRACE_PARENT_CHARS), 16) & FLAG_SAMPLED;
  const trace = text.slice(TRACE, SPAN - 1);
  const context = SpanContext.withStringIds(trace, text.slice(SPAN, FLAGS - 1), null, flags);
  if (!context.isValid) return undefined;
  context.isRemote = true;
  return context;
}

export function printTraceParent(context: SpanContext): string {
  const trace = context.traceIdStr.padStart(32, "0");
  return `00-${trace}-${context.spanIdStr}-${context.isSampled() ? "01" : "00"}`;
}

/**
 * @returns the list as it came, if need be cut to 512 characters by whole members; undefined if it is
 *   no list of 1 to 32 members
 */
export function parseTraceState(header: string): string | undefined {
  const text = header.trim();
  const members: string[] = [];
  for (let at = 0; at <= text.length;) {
    const comma = text.indexOf(",", at);
    const end = comma < 0 ? text.length : comma;
    const member = text.slice(at, end).trim();
    at = end + 1;
    if (member === "") continue;
    if (members.length === TRACE_STATE_MEMBERS_MAX || !isTraceStateMember(member)) return undefined;
    members.push(member);
  }
  if (members.length === 0) return undefined;
  return text.length <= TRACE_STATE_CHARS_MAX ? text : cutTraceState(members);
}

function isTraceStateMember(member: string): boolean {
  const equals = member.indexOf("=");
  if (equals < 0) return false;
  return (
    TRACE_STATE_KEY.test(member.slice(0, equals)) &&
    TRACE_STATE_VALUE.test(member.slice(equals + 1))
  );
}

/** Long members go first, then from the end, until the rest fits: §3.3.1.5. */
function cutTraceState(members: string[]): string | undefined {
  let chars = members.length - 1;
  for (const member of members) chars += member.length;
  const drop = (index: number): void => {
    chars -= (members[index]?.length ?? 0) + 1;
    members.splice(index, 1);
  };
  for (let index = members.length - 1; index >= 0 && chars > TRACE_STATE_CHARS_MAX; index--) {
    if ((members[index]?.length ?? 0) > TRACE_STATE_LONG_MEMBER_CHARS) drop(index);
  }
  while (chars > TRACE_STATE_CHARS_MAX) drop(members.length - 1);
  return members.length === 0 ? undefined : members.join(",");
}
