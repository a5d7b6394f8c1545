// Percent-encoding, three ways that must not throw.
//
//   encodeValue       "a b+é" -> "a%20b%2B%C3%A9"   understood by every reader below
//   decodeFormValue   "a+b%20c" -> "a b c"          Go and Java write "+" for a space; every client
//                                                   that encodes writes "%2B" for a plus
//   decodeValue       "a+b%20c" -> "a+b c"          W3C Baggage: bytes that are no UTF-8 become U+FFFD
//
// Trust: texts are a peer's; what cannot be decoded stays as it is.

/** Lone surrogates become U+FFFD: encodeURIComponent would throw. */
export function encodeValue(text: string): string {
  return encodeURIComponent(text.isWellFormed() ? text : text.toWellFormed());
}

/** Text that is not encoded properly is given back as it is, as jaeger-client does. */
export function decodeFormValue(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return text;
  }
}

/** `%` without two hex digits stays; other texts around it are decoded. */
export function decodeValue(text: string): string {
  if (!text.includes("%")) return text;
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) =>
    Buffer.from(run.replaceAll("%", ""), "hex").toString(),
  );
}
