// TChannel (14267): what agents of Jaeger v1.6 to v1.17 speak.
//
//   arguments { 1: list<Batch> } ─▶ Collector::submitBatches ─▶ { 0: list<{ 1: ok }> }
//
// Source: jaeger.thrift, sampling.thrift of jaeger-idl. Trust: answers are a peer's.
// Not here: frames (net/tchannel-client.ts).

import type { Clock } from "../../base/clock.ts";
import { SpoorError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { type TChannelClient, openTChannelClient } from "../../net/tchannel-client.ts";
import { readSubmitResult } from "../../wire/submit-thrift.ts";
import { ThriftBinaryReader } from "../../wire/thrift-binary.ts";
import { ThriftBinaryWriter } from "../../wire/thrift-binary-writer.ts";
import { BINARY, STOP, STRUCT, fieldKey, skipField } from "../../wire/thrift-reader.ts";
import { NOTHING_LEFT_OUT, Refusal, type Reporter, Setback } from "./reporter.ts";

export interface TChannelReporterOptions {
  /** From the connect to the first answer. */
  readonly connectTimeoutMs: number;
  /** Of one call. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** As by gRPC and HTTP: an answer is a flag a batch, or a sampling strategy. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
const SERVICE = "jaeger-collector";
/** As Jaeger's agent calls itself. */
const CALLER = "jaeger-agent";
const RESULT_STRUCT = fieldKey(0, STRUCT);

export function makeTChannelReporter(options: TChannelReporterOptions): Reporter {
  const { connectTimeoutMs, timeoutMs, clock, log } = options;
  return {
    protocol: "tchannel",
    format: "jaeger-thrift-list",
    async open({ address }, onLost) {
      const client = openTChannelClient({
        hostPort: address,
        processName: CALLER,
        log,
        clock,
        connectTimeoutMs,
        limits: { bodyBytesMax: ANSWER_BYTES_MAX, inFlightBytesMax: 4 * ANSWER_BYTES_MAX },
      });
      let isLost = false;
      const ask = async (method: string, body: Uint8Array, signal: AbortSignal) => {
        const wasConnected = client.isConnected;
        try {
          return await client.call(SERVICE, method, body, { ttlMs: timeoutMs, signal });
        } catch (error) {
          if (!client.isConnected && !isLost) {
            // Who is connected again when, is decided once for all protocols.
            isLost = true;
            client.close();
            onLost();
          }
          throw verdictOf(error, signal, wasConnected && isLost);
        }
      };
      await firstPing(client);
      return {
        async send(payload, signal) {
          const answer = await ask("Collector::submitBatches", payload, signal);
          if (isTaken(answer)) return NOTHING_LEFT_OUT;
          throw new Setback("the collector took not all batches");
        },
        check: () => client.ping(),
        async askStrategy(service, signal) {
          const method = "SamplingManager::getSamplingStrategy";
          const answer = await ask(method, writeQuestion(service), signal);
          return { format: "thrift", payload: readResult(answer) };
        },
        close: () => client.close(),
      };
    },
  };
}

async function firstPing(client: TChannelClient): Promise<void> {
  try {
    await client.ping();
  } catch (error) {
    client.close();
    throw error;
  }
}

/** @param isUnanswered the connection was there when the call was made, and is not any more. */
function verdictOf(error: unknown, signal: AbortSignal, isUnanswered: boolean): unknown {
  if (signal.aborted) return new Setback("cancelled");
  if (!(error instanceof SpoorError)) return error;
  const { code, message } = error;
  const isForGood = code === "bad-input" || code === "unsupported";
  return isForGood ? new Refusal("invalid", message) : new Setback(message, 0, isUnanswered);
}

/** An answer that does not read says nothing against the batches: the call succeeded. */
function isTaken(answer: Uint8Array): boolean {
  try {
    return readSubmitResult(answer);
  } catch (error) {
    if (error instanceof SpoorError) return true;
    throw error;
  }
}

/** { 1: serviceName }. */
function writeQuestion(service: string): Uint8Array {
  const writer = new ThriftBinaryWriter();
  const bytes = new TextEncoder().encode(service);
  const outer = writer.beginStruct();
  writer.field(1, BINARY);
  writer.writeBinary(bytes, 0, bytes.length);
  writer.endStruct(outer);
  return writer.take();
}

/** The struct of the result. @throws Refusal if there is none. */
function readResult(answer: Uint8Array): Uint8Array {
  const thrift = new ThriftBinaryReader(answer, 0);
  try {
    for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
      const start = thrift.at;
      skipField(thrift, field);
      if (field === RESULT_STRUCT) return answer.subarray(start, thrift.at);
    }
  } catch (error) {
    if (!(error instanceof SpoorError)) throw error;
  }
  throw new Refusal("other", "the answer has no strategy");
}
