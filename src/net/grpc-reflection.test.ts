// Reflection, asked in both versions by a client made from its own proto definitions.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import protobuf from "protobufjs";
import { silentLog } from "../base/log.ts";
import { makeGrpcReflection } from "./grpc-reflection.ts";
import { openGrpcServer } from "./grpc-server.ts";

const protoDir = join(import.meta.dirname, "../wire/proto");
const files = [join(protoDir, "jaeger/api_v2/collector.proto")];
const library = dirname(createRequire(import.meta.url).resolve("@grpc/reflection"));

interface Reflected {
  listServicesResponse?: { service: { name: string }[] };
  fileDescriptorResponse?: { fileDescriptorProto: Buffer[] };
  errorResponse?: { errorCode: number; errorMessage: string };
}

async function open(t: TestContext, protoFiles: readonly string[]): Promise<number> {
  const server = await openGrpcServer({
    name: "test",
    hostPort: { host: "127.0.0.1", port: 0 },
    services: makeGrpcReflection(protoFiles, [protoDir]),
    log: silentLog,
    onBug: (error) => assert.fail(`a bug: ${String(error)}`),
  });
  t.after(() => server.close(0));
  return server.port;
}

// google/protobuf/descriptor.proto, as far as it is looked at.
const FileDescriptor = protobuf
  .parse(
    `syntax = "proto3";
     message Field { string name = 1; }
     message Type { string name = 1; repeated Field field = 2; }
     message File { repeated Type message_type = 4; }`,
  )
  .root.lookupType("File");

interface MessageType {
  readonly name: string;
  readonly field?: readonly { readonly name: string }[];
}

function messageTypes(file: Buffer): readonly MessageType[] {
  const { messageType = [] } = FileDescriptor.toObject(FileDescriptor.decode(file)) as {
    messageType?: MessageType[];
  };
  return messageType;
}

/** Sends all requests over one stream and returns all answers. */
async function reflect(
  t: TestContext,
  port: number,
  version: string,
  requests: readonly object[],
): Promise<Reflected[]> {
  const path = join(library, `../proto/grpc/reflection/${version}/reflection.proto`);
  const service = loadSync(path)[`grpc.reflection.${version}.ServerReflection`];
  const Client = grpc.makeClientConstructor(service as grpc.ServiceDefinition, "ServerReflection");
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  t.after(() => client.close());
  const method = client["ServerReflectionInfo"] as () => grpc.ClientDuplexStream<object, Reflected>;
  const call = method.call(client);
  for (const request of requests) call.write(request);
  call.end();
  return (await call.toArray()) as Reflected[];
}

for (const version of ["v1", "v1alpha"]) {
  test(`makeGrpcReflection() answers in ${version}`, async (t) => {
    const port = await open(t, files);
    const [list, found, missing] = await reflect(t, port, version, [
      { listServices: "*" },
      { fileContainingSymbol: "jaeger.api_v2.CollectorService" },
      { fileContainingSymbol: "no.such.Service" },
    ]);
    assert.deepEqual(list?.listServicesResponse?.service, [
      { name: "jaeger.api_v2.CollectorService" },
    ]);
    const types = found!.fileDescriptorResponse!.fileDescriptorProto.flatMap(messageTypes);
    const names = types.map(({ name }) => name);
    assert.ok(names.includes("PostSpansRequest") && names.includes("Batch"), String(names));
    const reference = types.find(({ name }) => name === "SpanRef")?.field ?? [];
    assert.deepEqual(
      reference.map(({ name }) => name),
      ["trace_id", "span_id", "ref_type"],
    );
    assert.equal(missing?.errorResponse?.errorCode, grpc.status.NOT_FOUND);
  });
}

test("makeGrpcReflection() says what it cannot read, and refuses what is no request", async (t) => {
  const port = await open(t, [join(protoDir, "no-such.proto")]);
  const refused = reflect(t, port, "v1", [{ listServices: "*" }]);
  await assert.rejects(refused, { code: grpc.status.INTERNAL, details: /no-such\.proto/ });

  const client = new grpc.Client(
    `127.0.0.1:${await open(t, files)}`,
    grpc.credentials.createInsecure(),
  );
  t.after(() => client.close());
  const same = (bytes: Buffer): Buffer => bytes;
  const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
  const call = client.makeBidiStreamRequest(path, same, same);
  call.end(Buffer.from("0f", "hex"));
  await assert.rejects(call.toArray(), { code: grpc.status.INVALID_ARGUMENT });
});
