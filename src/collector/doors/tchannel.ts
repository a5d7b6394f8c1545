// Jaeger over TChannel, port 14267: what agents up to v1.17 speak.
//
//   Collector::submitBatches              list<Batch>       ─▶ intake ─▶ list<{ok}>, one a batch
//   ZipkinCollector::submitZipkinBatch    list<Span>        ─▶ intake ─▶ list<{ok}>, one a span
//   SamplingManager::getSamplingStrategy  name of a service ─▶ strategy
//   Meta::health, versionInfo, thriftIDL                    ─▶ that we are here
//
// Jaeger answers ok whatever happens; here a sender is told `busy` or `declined` when it may come
// again, and `bad request` when it need not.
//
// Source: Jaeger v1.6, cmd/collector/main.go; thrift/jaeger.thrift, zipkincore.thrift,
// sampling.thrift; tchannel-go, thrift/meta.thrift.
// Trust: the sizes of calls were checked by the server, nothing else.
// Not here: frames (net), baggage restrictions (Jaeger's collector never had them on this door).

import type { TChannelFailure, TChannelHandler } from "../../net/tchannel-connection.ts";
import { writeStrategyThrift } from "../../sampling/strategy-thrift.ts";
import {
  type ArgumentList,
  findArgumentList,
  readArgumentText,
  writeStructResult,
  writeSubmitResult,
} from "../../wire/submit-thrift.ts";
import { ThriftBinaryWriter } from "../../wire/thrift-binary-writer.ts";
import { BINARY, MAP } from "../../wire/thrift-reader.ts";
import type { Intake } from "../intake.ts";
import type { Account, Ledger } from "../ledger.ts";
import type { DoorSampling, TChannelDoor } from "./door.ts";

const SUBMIT_BATCHES = "Collector::submitBatches";
const SUBMIT_ZIPKIN = "ZipkinCollector::submitZipkinBatch";
/** `""`: a call that was refused before its method was known. */
const METHODS_OF_SPANS = new Set([SUBMIT_BATCHES, SUBMIT_ZIPKIN, ""]);

const encoder = new TextEncoder();

/** @param sampling without it, nobody is told what to sample. */
export function makeTChannelDoor(
  intake: Intake,
  ledger: Ledger,
  sampling?: DoorSampling,
): TChannelDoor {
  const transport = "tchannel";
  const takeJaeger = intake.open("tchannel", "jaeger-thrift-list", {
    format: "jaeger",
    transport,
  });
  const takeZipkin = intake.open("tchannel", "zipkin-thrift", { format: "zipkin", transport });
  const unknown = ledger.account("tchannel", "unknown");
  const services = new Map<string, TChannelHandler>([
    [
      SUBMIT_BATCHES,
      async ({ body }) => {
        await takeJaeger(body);
        return writeSubmitResult(findArgumentList(body).count);
      },
    ],
    [
      SUBMIT_ZIPKIN,
      async ({ body }) => {
        const { list, count } = findSpans(body, unknown);
        await takeZipkin(list);
        return writeSubmitResult(count);
      },
    ],
    ["Meta::health", () => Promise.resolve(HEALTH)],
    ["Meta::versionInfo", () => Promise.resolve(VERSION_INFO)],
    ["Meta::thriftIDL", () => Promise.resolve(THRIFT_IDL)],
  ]);
  if (sampling !== undefined) {
    services.set("SamplingManager::getSamplingStrategy", ({ body }) => tell(sampling, body));
  }
  return {
    services,
    onFailure({ method, reason }: TChannelFailure) {
      if (METHODS_OF_SPANS.has(method)) unknown.refuseRequest(reason);
    },
  };
}

/** The intake sees the list alone: arguments without one are counted here. */
function findSpans(body: Uint8Array, unknown: Account): ArgumentList {
  try {
    return findArgumentList(body);
  } catch (error) {
    unknown.refuseRequest("bad-input");
    throw error;
  }
}

async function tell({ source, onRequest }: DoorSampling, body: Uint8Array): Promise<Uint8Array> {
  const service = readArgumentText(body);
  try {
    const strategy = writeStructResult(writeStrategyThrift(await source.strategyOf(service)));
    onRequest("sampling", 200);
    return strategy;
  } catch (error) {
    onRequest("sampling", 500);
    throw error;
  }
}

const HEALTH = writeStructResult(
  writeFields((thrift) => {
    thrift.boolField(1, true);
  }),
);

const VERSION_INFO = writeStructResult(
  writeFields((thrift) => {
    for (const [id, text] of [
      [1, "node"],
      [2, process.versions.node],
      [3, "2"],
    ] as const) {
      addText(thrift, id, text);
    }
  }),
);

/** No IDL is at hand: an empty map of files, an empty name. */
const THRIFT_IDL = writeStructResult(
  Uint8Array.of(MAP, 0, 1, BINARY, BINARY, 0, 0, 0, 0, BINARY, 0, 2, 0, 0, 0, 0, 0),
);

function writeFields(add: (thrift: ThriftBinaryWriter) => void): Uint8Array {
  const thrift = new ThriftBinaryWriter();
  add(thrift);
  thrift.endStruct(0);
  return thrift.take();
}

function addText(thrift: ThriftBinaryWriter, id: number, text: string): void {
  const bytes = encoder.encode(text);
  thrift.field(id, BINARY);
  thrift.writeBinary(bytes, 0, bytes.length);
}
