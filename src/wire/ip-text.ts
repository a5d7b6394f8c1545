// IP addresses: bytes ⇄ the text that people write.
//
//   4 bytes    10.0.0.7
//   16 bytes   2001:db8::1          the longest run of two or more zero groups is "::" (RFC 5952)
//              10.0.0.7             for an IPv4 address mapped into IPv6 (::ffff:10.0.0.7)
//
// Source: RFC 4291 (what is read), RFC 5952 (what is printed); as Go's net.IP, which Jaeger uses:
// no zone, no leading zero in the parts of an IPv4 address.
// Trust: text and bytes may be anything; what is no address gives undefined.

/** Longest text of an address: eight groups, the last two as IPv4. */
const TEXT_CHARS_MAX = 45;

const OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const IPV4 = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);
const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** 4 or 16 bytes as text; undefined for any other length. */
export function printIp(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return undefined;
  if (isMapped(bytes)) return bytes.subarray(12).join(".");
  const groups = Array.from({ length: 8 }, (_, at) => (bytes[2 * at]! << 8) | bytes[2 * at + 1]!);
  const zeros = findZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (zeros.count < 2) return hex.join(":");
  const before = hex.slice(0, zeros.start).join(":");
  return `${before}::${hex.slice(zeros.start + zeros.count).join(":")}`;
}

/** 4 bytes for an IPv4 address, 16 for an IPv6 one, undefined for text that is neither. */
export function parseIp(text: string): Uint8Array | undefined {
  if (text.length > TEXT_CHARS_MAX) return undefined;
  if (IPV4.test(text)) return Uint8Array.from(text.split("."), Number);
  return text.includes(":") ? parseIpv6(text) : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!);
  const tail = halves.length === 1 ? [] : parseGroups(halves[1]!);
  if (head === undefined || tail === undefined) return undefined;
  // An IPv4 part stands at the very end only.
  if (halves.length === 2 && halves[0]!.includes(".")) return undefined;
  const zeros = 16 - head.length - tail.length;
  if (halves.length === 1 ? zeros !== 0 : zeros < 2) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** Groups between colons, the last one perhaps an IPv4 address; as bytes. */
function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [at, group] of groups.entries()) {
    if (GROUP.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    } else if (at === groups.length - 1 && IPV4.test(group)) {
      bytes.push(...group.split(".").map(Number));
    } else {
      return undefined;
    }
  }
  return bytes.length > 16 ? undefined : bytes;
}

function isMapped(bytes: Uint8Array): boolean {
  for (let at = 0; at < 10; at++) if (bytes[at] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

/** The first of the longest runs of zero groups. */
function findZeros(groups: readonly number[]): { readonly start: number; readonly count: number } {
  let best = { start: 0, count: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (end < groups.length && groups[end] === 0) end++;
    if (end - start > best.count) best = { start, count: end - start };
    if (end > start) start = end;
  }
  return best;
}
