// From the headers of an HTTP/2 stream to the method that answers it, or to a refusal.
//
//   :method POST, content-type application/grpc[+proto], :path /package.Service/Method
//   grpc-timeout?, grpc-encoding?                          else 405, 415, UNIMPLEMENTED, INTERNAL
//
// Source: grpc/doc/PROTOCOL-HTTP2.md; the wording of unknown services and methods is grpc-go's,
// which clients of Jaeger know.
// Trust: all headers are the peer's; their total size was bounded by HTTP/2 settings.

import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Encoding } from "./decompress.ts";
import { GrpcCall, type GrpcCallSettings, isOver } from "./grpc-call.ts";
import type { GrpcMethod, GrpcService } from "./grpc-service.ts";
import { parseGrpcTimeout } from "./grpc-text.ts";
import { GRPC_STATUS } from "./status.ts";

/** An open call, and whether it would ever end by itself. */
export interface OpenCall {
  readonly call: GrpcCall;
  readonly isEndless: boolean;
}

export type GrpcDispatch = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
  peer: string,
) => OpenCall | undefined;

const ENCODINGS: ReadonlyMap<string, Encoding | undefined> = new Map([
  ["identity", undefined],
  ["gzip", "gzip"],
  ["deflate", "deflate"],
]);

const CONTENT_TYPE = /^application\/grpc(?:[+;]|$)/i;

/** @returns a function that opens a call and hands it on; undefined if the peer speaks no gRPC. */
export function makeGrpcDispatch(
  services: readonly GrpcService[],
  settings: GrpcCallSettings,
): GrpcDispatch {
  const methods = methodsByPath(services);
  const names = new Set(services.map(({ name }) => name));

  return (stream, headers, rawHeaders, peer) => {
    // It may have been reset by the time it is looked at.
    if (isOver(stream) || !isGrpc(stream, headers)) return undefined;
    const path = headers[":path"] ?? "";
    const timeout = headers["grpc-timeout"];
    const encoding = headers["grpc-encoding"];
    const start = {
      path,
      peer,
      rawHeaders,
      encoding: typeof encoding === "string" ? ENCODINGS.get(encoding) : undefined,
      timeoutMs: typeof timeout === "string" ? parseGrpcTimeout(timeout) : undefined,
    };
    const call = new GrpcCall(settings, stream, start);
    stream.on("close", () => call.close());
    const method = methods.get(path);
    if (method === undefined) {
      call.refuse(GRPC_STATUS.UNIMPLEMENTED, whyUnknown(path, names));
    } else if (timeout !== undefined && start.timeoutMs === undefined) {
      call.refuse(GRPC_STATUS.INTERNAL, "malformed grpc-timeout, expected digits and a unit");
    } else if (typeof encoding === "string" && !ENCODINGS.has(encoding)) {
      const message = "unknown grpc-encoding, expected gzip, deflate or identity";
      call.refuse(GRPC_STATUS.UNIMPLEMENTED, message);
    } else {
      call.run(method);
    }
    return { call, isEndless: method !== undefined && "isEndless" in method };
  };
}

function methodsByPath(services: readonly GrpcService[]): ReadonlyMap<string, GrpcMethod> {
  const methods = new Map<string, GrpcMethod>();
  for (const service of services) {
    for (const [name, method] of Object.entries(service.methods)) {
      methods.set(`/${service.name}/${name}`, method);
    }
  }
  return methods;
}

function isGrpc(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean {
  const isPost = headers[":method"] === "POST";
  if (isPost && CONTENT_TYPE.test(headers["content-type"] ?? "")) return true;
  stream.respond({ ":status": isPost ? 415 : 405 }, { endStream: true });
  stream.close();
  return false;
}

function whyUnknown(path: string, names: ReadonlySet<string>): string {
  const [, service = "", method = ""] = /^\/(.*)\/([^/]*)$/.exec(path) ?? [];
  if (names.has(service)) return `unknown method ${method} for service ${service}`;
  return service === "" ? "malformed method name" : `unknown service ${service}`;
}
