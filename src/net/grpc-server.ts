// One gRPC door.

import type { Log } from "../base/log.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { GrpcService } from "./grpc-service.ts";
import type { HostPort } from "./host-port.ts";
import type { GrpcLimits } from "./limits.ts";
import type { TlsSettings } from "./tls.ts";

export interface GrpcServerOptions {
  /** Names the door in logs and errors: "otlp-grpc". */
  readonly name: string;
  readonly hostPort: HostPort;
  readonly services: readonly GrpcService[];
  readonly log: Log;
  /** Called once with an error that is a bug of ours, after the peer got INTERNAL. */
  readonly onBug: (error: unknown) => void;
  readonly tls?: TlsSettings;
  readonly limits?: Partial<GrpcLimits>;
  /** Shared with other doors; without it the door has its own of `inFlightBytesMax`. */
  readonly budget?: ByteBudget;
  /** Called for each call that ends without success, for the ledger: a gRPC status code. */
  readonly onFailure?: (path: string, status: number, message: string) => void;
}

export interface GrpcServer {
  readonly address: string;
  readonly port: number;
  /** Says GOAWAY, lets calls finish for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** @throws SpoorError `unavailable` if the address is taken, `bad-input` for bad TLS files. */
export async function openGrpcServer(_options: GrpcServerOptions): Promise<GrpcServer> {
  throw new Error("bug: not written yet");
}
