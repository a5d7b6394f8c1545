// Waiting for a slow reader, but not for ever.

import type { Writable } from "node:stream";

/**
 * @param cut ends the connection or stream of a peer that did not read for `timeoutMs`.
 * @returns false when the peer went away or was cut off.
 */
export function drained(stream: Writable, timeoutMs: number, cut: () => void): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isDrained: boolean) => {
      clearTimeout(timer);
      stream.off("drain", onDrain);
      stream.off("close", onClose);
      if (!isDrained && !stream.destroyed) cut();
      resolve(isDrained);
    };
    const onDrain = () => settle(true);
    const onClose = () => settle(false);
    const timer = setTimeout(onClose, timeoutMs);
    stream.once("drain", onDrain);
    stream.once("close", onClose);
  });
}
