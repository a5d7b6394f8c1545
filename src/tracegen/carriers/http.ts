// A POST for each payload: OTLP (4318), Jaeger's thrift (14268), Zipkin's JSON (9411).
//
//   2xx ─▶ what the answer says      429 ─▶ overloaded      502 503 504 ─▶ unavailable      …
//
// Trust: answers are a peer's.

import { SpoorError } from "../../base/errors.ts";
import { connectSocket } from "../../net/client-tls.ts";
import { openHttpClient } from "../../net/http-client.ts";
import { type Carrier, type Reason, type Verdict, refused } from "./carrier.ts";
import { CONNECT_MS_MAX, PAYLOAD_BYTES_MAX, SEND_MS_MAX } from "./limits.ts";

export interface HttpCarrierOptions {
  readonly path: string;
  readonly contentType: string;
  readonly write: Carrier["write"];
  /** Of a status 2xx. */
  readonly readAnswer: (answer: Uint8Array) => Verdict;
}

const REASONS: ReadonlyMap<number, Reason> = new Map([
  [400, "invalid"],
  [415, "invalid"],
  [413, "too-large"],
  [429, "overloaded"],
  [401, "forbidden"],
  [403, "forbidden"],
  [404, "unsupported"],
  [405, "unsupported"],
  [500, "unavailable"],
  [502, "unavailable"],
  [503, "unavailable"],
  [504, "unavailable"],
]);

export function makeHttpCarrier(options: HttpCarrierOptions): Carrier {
  const { path, contentType, write, readAnswer } = options;
  const post = { method: "POST", path, headers: { "content-type": contentType } } as const;
  return {
    payloadBytesMax: PAYLOAD_BYTES_MAX,
    write,
    async open(address) {
      const { host: hostName } = address;
      const there = { address, hostName, protocols: [], timeoutMs: CONNECT_MS_MAX };
      (await connectSocket(there)).destroy();
      const client = openHttpClient({
        address,
        hostName,
        connectTimeoutMs: CONNECT_MS_MAX,
      });
      return {
        isOpen: true,
        async send(body) {
          try {
            const answer = await client.request({ ...post, body, timeoutMs: SEND_MS_MAX });
            const { status } = answer;
            if (status >= 200 && status < 300) return readAnswer(answer.body);
            return refused(REASONS.get(status) ?? "other", `HTTP status ${status}`);
          } catch (error) {
            if (!(error instanceof SpoorError)) throw error;
            return refused("unanswered", error.message);
          }
        },
        close: () => client.close(),
      };
    },
  };
}
