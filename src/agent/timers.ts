// Waiting as an argument: what wakes the forwarder, so that a test can let hours pass at once.

/** Calls `call` once after `ms`. @returns what takes that back. */
export type Wake = (ms: number, call: () => void) => () => void;

/** The machine's timers. */
export const systemWake: Wake = (ms, call) => {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
};
