// The bearer token of a request, for stores that want to know who asks.
//
//   Authorization: Bearer abc         ─▶  "abc"
//   Authorization: abc                ─▶  "abc"       as proxies send it that strip the scheme
//   X-Forwarded-Access-Token: abc     ─▶  "abc"       when there is no Authorization
//
// Source: Jaeger's bearertoken package. Off unless `query.bearer-token-propagation` is set.

/** @param read a header by its name in lower case. @returns undefined if the request has no token. */
export function parseBearerToken(read: (name: string) => string | undefined): string | undefined {
  const header = read("authorization") ?? read("x-forwarded-access-token") ?? "";
  const parts = header.split(" ").filter((part) => part !== "");
  if (parts.length === 1) return parts[0];
  return parts.length === 2 && parts[0]?.toLowerCase() === "bearer" ? parts[1] : undefined;
}
