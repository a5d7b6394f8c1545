// What a handler throws because its peer has gone: neither a failure nor a bug.

/** True for the reason of an aborted `signal`, and for any AbortError after it fired. */
export function isAbort(error: unknown, signal: AbortSignal | undefined): boolean {
  if (signal === undefined || !signal.aborted) return false;
  return error === signal.reason || (error instanceof Error && error.name === "AbortError");
}
