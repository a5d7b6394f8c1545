// The agent's doors for OTLP, gRPC and HTTP, when they are asked for: then only this is loaded.
//
//   4317 gRPC ─┐
//   4318 HTTP ─┴─▶ OtlpIntake ─▶ forwarder
//
// A request counts as a packet in the books. Dropped there means that its sender was told: `queue-full` to
// come again, `truncated` that it is too large, `bad-packet` that it does not read. What is cut off before
// it has come is no packet.
//
// Trust: peers are hostile; the servers bound what they send (net/limits.ts).
// Not here: the protocol (room otlp), reading and joining (otlp-intake.ts).

import { type HostPort, printHostPort } from "../base/host-port.ts";
import type { Log } from "../base/log.ts";
import { makeByteBudget } from "../net/byte-budget.ts";
import type { OnGrpcFailure } from "../net/grpc-call.ts";
import { makeGrpcHealth } from "../net/grpc-health.ts";
import { openGrpcServer } from "../net/grpc-server.ts";
import type { OnHttpFailure } from "../net/http-route.ts";
import { openHttpServer } from "../net/http-server.ts";
import { GRPC_STATUS } from "../net/status.ts";
import { makeOtlpRoutes } from "../otlp/otlp-routes.ts";
import { EXPORT_PATH, makeOtlpService } from "../otlp/otlp-service.ts";
import { readOtlpJson } from "../wire/otlp-json.ts";
import { readOtlpTraces } from "../wire/otlp-proto.ts";
import type { DoorBooks, PacketReason } from "./ledger.ts";
import { OtlpIntake, type OtlpIntakeOptions } from "./otlp-intake.ts";
import type { AgentConfig } from "./settings.ts";

export interface OtlpDoorsOptions extends Omit<OtlpIntakeOptions, "books"> {
  readonly config: AgentConfig;
  readonly log: Log;
}

export interface OtlpDoors {
  /** Of the doors that are open. */
  readonly books: readonly DoorBooks[];
  readonly addresses: readonly { readonly name: string; readonly at: string }[];
  /** Sends what was joined, and takes no more. */
  finish(): void;
  /** Lets requests be answered for `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>;
}

/** As it came, decompressed in pieces, and for a moment as one. */
const COPIES_OF_BODY = 3;

interface Opened {
  readonly address: string;
  readonly port: number;
  close(graceMs: number): Promise<void>;
}

/** @throws SpoorError `unavailable` if a port cannot be had; nothing is open then. */
export async function openOtlpDoors(options: OtlpDoorsOptions): Promise<OtlpDoors> {
  const { config, ledger, inFlightBytesMax } = options;
  const bodyBytesMax = config["agent.otlp.max-message-size"];
  const budget = makeByteBudget(Math.max(inFlightBytesMax, COPIES_OF_BODY * bodyBytesMax));
  const grpcBooks = ledger.open("otlp-grpc");
  const httpBooks = ledger.open("otlp-http");
  const intake = new OtlpIntake({ ...options, books: [grpcBooks, httpBooks] });
  const { log, onBug } = options;
  const shared = { log, onBug, budget };

  function openGrpc(hostPort: HostPort): Promise<Opened> {
    const service = makeOtlpService(intake.open(0, readOtlpTraces));
    return openGrpcServer({
      ...shared,
      name: "agent-otlp-grpc",
      hostPort,
      services: [service, makeGrpcHealth([service.name]).service],
      limits: { messageBytesMax: bodyBytesMax },
      onFailure: makeGrpcFailureCounter(grpcBooks),
    });
  }

  function openHttp(hostPort: HostPort): Promise<Opened> {
    const { routes, answerFailure } = makeOtlpRoutes({
      protobuf: intake.open(1, readOtlpTraces),
      json: intake.open(1, readOtlpJson),
      onWrongType: () => refuse(httpBooks, "bad-packet"),
    });
    return openHttpServer({
      ...shared,
      name: "agent-otlp-http",
      hostPort,
      routes,
      answerFailure,
      limits: { bodyBytesMax, plainBytesMax: bodyBytesMax },
      onFailure: makeHttpFailureCounter(httpBooks),
    });
  }

  await using opening = new AsyncDisposableStack();
  const addresses: { readonly name: string; readonly at: string }[] = [];
  let graceMs = 0;
  for (const { name, scheme, hostPort, open } of [
    {
      name: "OTLP gRPC",
      scheme: "",
      hostPort: config["agent.otlp.grpc.host-port"],
      open: openGrpc,
    },
    {
      name: "OTLP HTTP",
      scheme: "http://",
      hostPort: config["agent.otlp.http.host-port"],
      open: openHttp,
    },
  ]) {
    if (hostPort === undefined) continue;
    const door = await open(hostPort);
    opening.defer(() => door.close(graceMs));
    const at = printHostPort({ host: door.address, port: door.port });
    addresses.push({ name, at: scheme + at });
  }
  const open = opening.move();
  return {
    books: [grpcBooks, httpBooks],
    addresses,
    finish: () => intake.finish(),
    async close(grace) {
      graceMs = grace;
      await open.disposeAsync();
    },
  };
}

/** A request that came, and was refused before anybody read it. */
function refuse({ packets }: DoorBooks, reason: PacketReason): void {
  packets.received++;
  packets.dropped[reason]++;
}

function makeGrpcFailureCounter(books: DoorBooks): OnGrpcFailure {
  return ({ path, status, wasHandled, isForNow }) => {
    if (wasHandled || path !== EXPORT_PATH) return;
    if (status === GRPC_STATUS.CANCELLED || status === GRPC_STATUS.DEADLINE_EXCEEDED) return;
    if (status !== GRPC_STATUS.RESOURCE_EXHAUSTED) refuse(books, "bad-packet");
    else refuse(books, isForNow ? "queue-full" : "truncated");
  };
}

const REASON_OF_STATUS: Readonly<Record<number, PacketReason>> = {
  400: "bad-packet",
  413: "truncated",
  415: "bad-packet",
  429: "queue-full",
};

function makeHttpFailureCounter(books: DoorBooks): OnHttpFailure {
  return ({ path, status, wasHandled }) => {
    const reason = REASON_OF_STATUS[status];
    if (!wasHandled && reason !== undefined && path === "/v1/traces") refuse(books, reason);
  };
}
