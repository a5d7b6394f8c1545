// Jaeger over TChannel (14267): Collector::submitBatches, one batch a call.
//
// Trust: answers are a peer's.

import type { Clock } from "../../base/clock.ts";
import { SpoorError } from "../../base/errors.ts";
import { silentLog } from "../../base/log.ts";
import { openTChannelClient } from "../../net/tchannel-client.ts";
import { readSubmitResult } from "../../wire/submit-thrift.ts";
import { writeSubmitBatches } from "../../wire/write-jaeger-thrift.ts";
import { ACCEPTED, type Carrier, type Reason, type Verdict, refused } from "./carrier.ts";
import { CONNECT_MS_MAX, PAYLOAD_BYTES_MAX, SEND_MS_MAX } from "./limits.ts";

const SERVICE = "jaeger-collector";
const METHOD = "Collector::submitBatches";

const REASONS: Readonly<Record<SpoorError["code"], Reason>> = {
  "bad-input": "invalid",
  unavailable: "unavailable",
  overloaded: "overloaded",
  unsupported: "unsupported",
};

export function makeTChannelCarrier(clock: Clock): Carrier {
  return {
    payloadBytesMax: PAYLOAD_BYTES_MAX,
    write: writeSubmitBatches,
    async open(hostPort) {
      const client = openTChannelClient({
        hostPort,
        processName: "spoor-tracegen",
        log: silentLog,
        clock,
        connectTimeoutMs: CONNECT_MS_MAX,
      });
      try {
        await client.ping();
      } catch (error) {
        client.close();
        throw error;
      }
      const verdictOf = (error: unknown): Verdict => {
        if (!(error instanceof SpoorError)) throw error;
        const reason = client.isConnected ? REASONS[error.code] : "unanswered";
        return refused(reason, error.message);
      };
      return {
        get isOpen() {
          return client.isConnected;
        },
        async send(bytes) {
          let answer: Uint8Array;
          try {
            answer = await client.call(SERVICE, METHOD, bytes, { ttlMs: SEND_MS_MAX });
          } catch (error) {
            return verdictOf(error);
          }
          return verdictOfAnswer(answer);
        },
        close: () => client.close(),
      };
    },
  };
}

function verdictOfAnswer(answer: Uint8Array): Verdict {
  try {
    if (readSubmitResult(answer)) return ACCEPTED;
    return refused("other", "the collector took not all batches");
  } catch (error) {
    // The call succeeded.
    if (error instanceof SpoorError) return ACCEPTED;
    throw error;
  }
}
