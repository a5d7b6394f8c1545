// One unary gRPC call with raw bytes, by grpc-js: another implementation than ours.
//
//   await callGrpc(port, "/package.Service/Method", bytes) ─▶ { status, message, answer, details }
//
// Not here: streams, TLS files.

import * as grpc from "@grpc/grpc-js";

export interface GrpcAnswer {
  /** A gRPC status code; 0 is success. */
  readonly status: number;
  readonly message: string;
  /** Empty without success. */
  readonly answer: Buffer;
  /** `grpc-status-details-bin`: a google.rpc.Status. */
  readonly details: Buffer | undefined;
}

export interface GrpcCallOptions {
  readonly credentials?: grpc.ChannelCredentials;
  readonly gzip?: boolean;
  readonly deadlineMs?: number;
}

const identity = (bytes: Buffer): Buffer => bytes;
const GZIP = 2;

export function callGrpc(
  port: number,
  path: string,
  message: Uint8Array,
  options: GrpcCallOptions = {},
): Promise<GrpcAnswer> {
  const { credentials = grpc.credentials.createInsecure(), gzip = false, deadlineMs } = options;
  const client = new grpc.Client(`127.0.0.1:${port}`, credentials, {
    ...(gzip ? { "grpc.default_compression_algorithm": GZIP } : {}),
    "grpc.max_send_message_length": -1,
    "grpc.enable_retries": 0,
  });
  const deadline = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
  return new Promise((resolve) => {
    const request = Buffer.from(message);
    client.makeUnaryRequest(path, identity, identity, request, deadline, (error, answer) => {
      client.close();
      const details = error?.metadata.get("grpc-status-details-bin")[0];
      resolve({
        status: error?.code ?? 0,
        message: error?.details ?? "",
        answer: answer ?? Buffer.alloc(0),
        details: typeof details === "string" ? undefined : details,
      });
    });
  });
}
