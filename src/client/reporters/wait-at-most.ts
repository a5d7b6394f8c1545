// A wait with an end, during which the process stays alive.

/** Resolves with `promise`, or after `ms`; never rejects. */
export async function waitAtMost(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([promise, late]);
  } catch {
    // What failed has been counted by who failed.
  } finally {
    clearTimeout(timer);
  }
}
