// One connection of the load generator: sends one message at a time and says how it went.

import { Agent, request } from "node:http";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { encodeJaegerProto, encodeOtlp, type Message } from "./encode-proto.ts";
import { systemClock } from "../src/base/clock.ts";
import { silentLog } from "../src/base/log.ts";
import { CHECKSUM_CRC32C } from "../src/net/tchannel-checksum.ts";
import { openTChannelClient } from "../src/net/tchannel-client.ts";
import { encodeJaegerThrift, encodeSubmitBatches, encodeZipkinJson } from "./encode-text.ts";
import type { Unit } from "./span-model.ts";

export interface Door {
  readonly name: string;
  readonly encode: (unit: Unit) => Message[];
  /** Messages are one a service: a unit then needs that many more traces for one size of message. */
  readonly perService: boolean;
  readonly open: (target: string) => Sender;
}

/** Resolves to "" when the message was accepted, else to what went wrong. */
export interface Sender {
  send(message: Uint8Array): Promise<string>;
  close(): void;
}

export const DOORS: readonly Door[] = [
  {
    name: "otlp-grpc",
    encode: encodeOtlp,
    perService: false,
    open: grpc("/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
  },
  {
    name: "otlp-http",
    encode: encodeOtlp,
    perService: false,
    open: http("/v1/traces", "application/x-protobuf"),
  },
  {
    name: "jaeger-grpc",
    encode: encodeJaegerProto,
    perService: true,
    open: grpc("/jaeger.api_v2.CollectorService/PostSpans"),
  },
  {
    name: "jaeger-http",
    encode: encodeJaegerThrift,
    perService: true,
    open: http("/api/traces", "application/vnd.apache.thrift.binary"),
  },
  {
    name: "jaeger-tchannel",
    encode: encodeSubmitBatches,
    perService: true,
    open: tchannel("Collector::submitBatches"),
  },
  {
    name: "zipkin-json",
    encode: encodeZipkinJson,
    perService: false,
    open: http("/api/v2/spans", "application/json"),
  },
];

const TIMEOUT_MS = 30_000;

function grpc(method: string): (target: string) => Sender {
  return (target) => {
    const client = new Client(target, credentials.createInsecure(), {
      // Each sender has a connection of its own.
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_send_message_length": -1,
    });
    const same = (bytes: Uint8Array): Buffer => bytes as Buffer;
    return {
      send: (message) =>
        new Promise((resolve) => {
          const deadline = Date.now() + TIMEOUT_MS;
          const done = (error: ServiceError | null): void => {
            resolve(error === null ? "" : `grpc ${error.code}: ${error.details}`);
          };
          client.makeUnaryRequest(method, same, same, message, { deadline }, done);
        }),
      close: () => client.close(),
    };
  };
}

function tchannel(method: string): (target: string) => Sender {
  return (target) => {
    const [host = "", port] = target.split(":");
    const client = openTChannelClient({
      hostPort: { host, port: Number(port) },
      processName: "bench",
      // What Jaeger's agents send.
      checksumType: CHECKSUM_CRC32C,
      log: silentLog,
      clock: systemClock,
    });
    const send = async (message: Uint8Array): Promise<string> => {
      try {
        await client.call("jaeger-collector", method, message, { ttlMs: TIMEOUT_MS });
        return "";
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    };
    return { send, close: () => client.close() };
  };
}

function http(path: string, contentType: string): (target: string) => Sender {
  return (target) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    return {
      send: (message) =>
        new Promise((resolve) => {
          const headers = { "content-type": contentType, "content-length": message.length };
          const url = `http://${target}${path}`;
          const call = request(url, { method: "POST", agent, headers, timeout: TIMEOUT_MS });
          call.on("response", (answer) => {
            answer.resume();
            const status = answer.statusCode ?? 0;
            answer.on("end", () => resolve(status < 300 ? "" : `http ${status}`));
          });
          call.on("timeout", () => call.destroy(new Error("timed out")));
          call.on("error", (error) => resolve(error.message));
          call.end(message);
        }),
      close: () => agent.destroy(),
    };
  };
}
