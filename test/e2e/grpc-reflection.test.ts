// What a person with grpcurl sees: which services a door has, what they look like, whether they serve;
// and a client that is made of nothing but those descriptions can call them.
//
//   reflection ─ list ─▶ names ─ describe ─▶ FileDescriptorProtos ─ proto-loader ─▶ client ─▶ answer

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";
import protobuf from "protobufjs";
import { type Door, useSpoor } from "./running-spoor.ts";

const spoor = useSpoor();

/** The published text of the protocol, not what our program has of it. */
const protoFolder = join(
  dirname(createRequire(import.meta.url).resolve("@grpc/reflection/package.json")),
  "build/proto",
);

const HEALTH = `
syntax = "proto3";
package grpc.health.v1;
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse {
  enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
  ServingStatus status = 1;
}
service Health {
  rpc Check(HealthCheckRequest) returns (HealthCheckResponse);
  rpc Watch(HealthCheckRequest) returns (stream HealthCheckResponse);
}`;

const OPTIONS = { keepCase: true, longs: String, enums: String, defaults: true };
const CALL_MS_MAX = 10_000;

/** Every service of every gRPC door, and its methods. */
const doors: readonly (readonly [Door, Readonly<Record<string, readonly string[]>>])[] = [
  ["otlpGrpc", { "opentelemetry.proto.collector.trace.v1.TraceService": ["Export"] }],
  [
    "jaegerGrpc",
    {
      "jaeger.api_v2.CollectorService": ["PostSpans"],
      "jaeger.api_v2.SamplingManager": ["GetSamplingStrategy"],
    },
  ],
  [
    "queryGrpc",
    {
      "jaeger.api_v2.QueryService": [
        "ArchiveTrace",
        "FindTraces",
        "GetDependencies",
        "GetOperations",
        "GetServices",
        "GetTrace",
      ],
      "jaeger.api_v2.metrics.MetricsQueryService": [
        "GetCallRates",
        "GetErrorRates",
        "GetLatencies",
        "GetMinStepDuration",
      ],
      "jaeger.api_v3.Capabilities": ["GetCapabilities"],
      "jaeger.api_v3.QueryService": [
        "FindTraceSummaries",
        "FindTraces",
        "GetDependencies",
        "GetOperations",
        "GetServices",
        "GetTrace",
      ],
    },
  ],
];

type Fields = Readonly<Record<string, unknown>>;

function makeClient(
  definition: loader.PackageDefinition,
  service: string,
  door: Door,
): grpc.Client {
  const found = definition[service] as grpc.ServiceDefinition | undefined;
  assert(found !== undefined, `no ${service} in its own description`);
  const Client = grpc.makeGenericClientConstructor(found, service);
  return new Client(spoor().address(door), grpc.credentials.createInsecure());
}

function callUnary(client: grpc.Client, method: string, request: Fields): Promise<Fields> {
  const call = (client as unknown as Record<string, (...args: unknown[]) => void>)[method]!;
  const deadline = Date.now() + CALL_MS_MAX;
  const { promise, resolve, reject } = Promise.withResolvers<Fields>();
  call.call(client, request, { deadline }, (error: Error | null, answer: Fields) => {
    if (error === null) resolve(answer);
    else reject(error);
  });
  return promise;
}

/** Sends `requests` down one stream of reflection; @returns an answer to each. */
async function reflect(
  door: Door,
  version: string,
  requests: readonly Fields[],
): Promise<Fields[]> {
  const definition = loader.loadSync(`grpc/reflection/${version}/reflection.proto`, {
    ...OPTIONS,
    includeDirs: [protoFolder],
  });
  const client = makeClient(definition, `grpc.reflection.${version}.ServerReflection`, door);
  const open = (client as unknown as Record<string, (options: object) => unknown>)[
    "ServerReflectionInfo"
  ]!;
  const deadline = Date.now() + CALL_MS_MAX;
  const stream = open.call(client, { deadline }) as grpc.ClientDuplexStream<Fields, Fields>;
  for (const request of requests) stream.write(request);
  stream.end();
  const answers: Fields[] = [];
  for await (const answer of stream) answers.push(answer as Fields);
  client.close();
  return answers;
}

async function describe(door: Door, symbol: string): Promise<readonly Buffer[]> {
  const [answer] = await reflect(door, "v1", [{ file_containing_symbol: symbol }]);
  const files = answer?.["file_descriptor_response"] as { file_descriptor_proto: Buffer[] } | null;
  assert(files, `no description of ${symbol}: ${JSON.stringify(answer?.["error_response"])}`);
  return files.file_descriptor_proto;
}

/** A FileDescriptorSet is nothing but its files, each as field 1. */
function joinFiles(files: readonly Buffer[]): Buffer {
  const writer = protobuf.Writer.create();
  for (const file of files) writer.uint32((1 << 3) | 2).bytes(file);
  return Buffer.from(writer.finish());
}

for (const [door, services] of doors) {
  for (const version of ["v1", "v1alpha"]) {
    test(`${door}: reflection ${version} lists the services`, async () => {
      const [answer] = await reflect(door, version, [{ list_services: "" }]);
      const { service } = answer!["list_services_response"] as { service: { name: string }[] };
      const names = service.map(({ name }) => name).filter((name) => !name.startsWith("grpc."));
      assert.deepEqual(names.toSorted(), Object.keys(services).toSorted());
    });
  }

  test(`${door}: reflection describes every service with its methods`, async () => {
    for (const [service, methods] of Object.entries(services)) {
      const set = joinFiles(await describe(door, service));
      const definition = loader.loadFileDescriptorSetFromBuffer(set, OPTIONS);
      const found = Object.keys(definition[service] ?? {});
      assert.deepEqual(found.toSorted(), methods, service);
    }
  });

  test(`${door}: reflection answers an unknown symbol with an error, and goes on`, async () => {
    const answers = await reflect(door, "v1", [
      { file_containing_symbol: "no.such.Symbol" },
      { list_services: "" },
    ]);
    assert.equal((answers[0]!["error_response"] as { error_code: number }).error_code, 5);
    assert(answers[1]?.["list_services_response"], "the second request is answered");
  });

  test(`${door}: health says that every service serves`, async () => {
    const json = protobuf.parse(HEALTH).root.toJSON();
    const client = makeClient(loader.fromJSON(json, OPTIONS), "grpc.health.v1.Health", door);
    for (const service of ["", ...Object.keys(services)]) {
      assert.deepEqual(
        await callUnary(client, "Check", { service }),
        { status: "SERVING" },
        service,
      );
    }
    await assert.rejects(callUnary(client, "Check", { service: "no.such.Service" }), {
      code: grpc.status.NOT_FOUND,
    });
    client.close();
  });
}

test("a client made of descriptions alone can send a span and read it", async () => {
  const exporting = "opentelemetry.proto.collector.trace.v1.TraceService";
  const asking = "jaeger.api_v3.QueryService";
  const load = async (door: Door, service: string): Promise<grpc.Client> => {
    const set = joinFiles(await describe(door, service));
    return makeClient(loader.loadFileDescriptorSetFromBuffer(set, OPTIONS), service, door);
  };
  const sender = await load("otlpGrpc", exporting);
  const reader = await load("queryGrpc", asking);
  const nowNs = `${Date.now()}000000`;
  const span = {
    trace_id: Buffer.from("0123456789abcdef0123456789abcdef", "hex"),
    span_id: Buffer.from("0123456789abcdef", "hex"),
    name: "described",
    kind: "SPAN_KIND_CLIENT",
    start_time_unix_nano: nowNs,
    end_time_unix_nano: nowNs,
  };
  const resource = { attributes: [{ key: "service.name", value: { string_value: "reflected" } }] };
  const request = { resource_spans: [{ resource, scope_spans: [{ spans: [span] }] }] };
  const accepted = await callUnary(sender, "Export", request);
  assert.equal(accepted["partial_success"] ?? null, null);
  assert.deepEqual(await callUnary(reader, "GetServices", {}), { services: ["reflected"] });
  assert.deepEqual(await callUnary(reader, "GetOperations", { service: "reflected" }), {
    operations: [{ name: "described", span_kind: "client" }],
  });
  sender.close();
  reader.close();
});
