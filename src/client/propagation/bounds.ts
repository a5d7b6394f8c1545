// How much of a carrier is looked at. What is beyond is left out and counted.
//
// Not here: what each header means.

/** Headers of one carrier. Node itself reads 2,000 at most. */
export const HEADERS_MAX = 2_000;

/** One header, joined: 32 members of `tracestate`, each of 256 + 1 + 256 characters, with commas. */
export const HEADER_CHARS_MAX = 32 * 514;

/** `uber-trace-id`: 32 + 16 + 16 + 2 digits and 3 colons; thrice that if URL-encoded. */
export const TRACE_ID_CHARS_MAX = 3 * 69;

/** `jaeger-debug-id`: it becomes a tag, and people type it. */
export const DEBUG_ID_CHARS_MAX = 1_024;

/** What W3C Baggage §3.3.2 asks everybody to carry; longer lists are cut. */
export const BAGGAGE_ITEMS_MAX = 64;
/** Likewise, of keys and values as they stand in the carrier. */
export const BAGGAGE_CHARS_MAX = 8_192;

/** W3C Trace Context §3.3.1.1: a longer list is refused whole. */
export const TRACE_STATE_MEMBERS_MAX = 32;
/** What W3C Trace Context §3.3.1.5 asks everybody to carry; longer ones are cut by whole members. */
export const TRACE_STATE_CHARS_MAX = 512;
/** Members longer than this go first when `tracestate` is cut (same section). */
export const TRACE_STATE_LONG_MEMBER_CHARS = 128;
