// Server reflection: tells grpcurl and its like what the services of a door look like.
//
//   first call ─▶ load @grpc/reflection, read the .proto files ─▶ every call: request ─▶ response
//
// The library answers the requests; it knows only its own server, so it is given one that takes
// the methods down, and they are run here on raw bytes. Nothing of it (12 MB, 60 ms) is loaded
// before somebody asks.
//
// Source: grpc-proto reflection/v1 and v1alpha/reflection.proto.
// Trust: requests are the peer's; the library reads them within the message bound of the door.
// Not here: files on disk as they are; the library merges those of one package.

import { createRequire } from "node:module";
import type { ReflectionService } from "@grpc/reflection";
import { GrpcError, type GrpcService } from "./grpc-service.ts";

type Respond = (request: Uint8Array) => Promise<Uint8Array>;

/** How the library describes a method to a server, as far as it is needed here. */
interface MethodDefinition {
  readonly path: string;
  requestDeserialize(bytes: Uint8Array): unknown;
  responseSerialize(response: unknown): Uint8Array;
}

/** The library's half of a duplex stream. */
interface Stream {
  on(event: string, listener: (message: unknown) => void): void;
  write(response: unknown): void;
}

type Load = (
  files: string[],
  options: { includeDirs: string[]; keepCase: boolean },
) => Promise<ConstructorParameters<typeof ReflectionService>[0]>;

type Handler = (stream: Stream) => void;

const VERSIONS = ["grpc.reflection.v1", "grpc.reflection.v1alpha"];
const METHOD = "ServerReflectionInfo";

/**
 * `grpc.reflection.v1.ServerReflection` and `v1alpha`, to be put among the services of a door.
 * The files are read, and the library loaded, at the first call.
 *
 * @param protoFiles paths of .proto files; @param includeDirs where their imports are.
 */
export function makeGrpcReflection(
  protoFiles: readonly string[],
  includeDirs: readonly string[],
): readonly GrpcService[] {
  let loading: Promise<ReadonlyMap<string, Respond>> | undefined;
  const load = () => (loading ??= loadResponders(protoFiles, includeDirs));

  return VERSIONS.map((version) => {
    const name = `${version}.ServerReflection`;
    return {
      name,
      methods: {
        [METHOD]: {
          kind: "duplex",
          isEndless: true,
          async *handle(messages) {
            const responders = await load().catch(refuse);
            const respond = responders.get(`/${name}/${METHOD}`);
            if (respond === undefined) throw new GrpcError("UNIMPLEMENTED", "no such version");
            for await (const message of messages) yield await respond(message);
          },
        },
      },
    };
  });
}

// A file that is missing is a fault of the package, but no reason to stop receiving spans.
function refuse(error: unknown): never {
  throw new GrpcError("INTERNAL", `the descriptions cannot be read: ${String(error)}`);
}

async function loadResponders(
  protoFiles: readonly string[],
  includeDirs: readonly string[],
): Promise<ReadonlyMap<string, Respond>> {
  const library = await import("@grpc/reflection");
  // The library's own copy of its reader: descriptors of another version might not fit.
  const require = createRequire(import.meta.resolve("@grpc/reflection"));
  const { load } = require("@grpc/proto-loader") as { load: Load };
  // Fields keep the names that the files give them: who asks for `trace_id` finds no `traceId`.
  const options = { includeDirs: [...includeDirs], keepCase: true };
  const definition = await load([...protoFiles], options);
  const responders = new Map<string, Respond>();
  const server = {
    addService(methods: Record<string, MethodDefinition>, handlers: Record<string, Handler>) {
      for (const [name, method] of Object.entries(methods)) {
        const handler = handlers[name];
        if (handler !== undefined) responders.set(method.path, makeResponder(method, handler));
      }
    },
  };
  new library.ReflectionService(definition).addToServer(server);
  return responders;
}

/** One request through the library's stream handler, which answers each at once. */
function makeResponder(method: MethodDefinition, handler: Handler): Respond {
  return (bytes) =>
    new Promise((resolve, reject) => {
      let request: unknown;
      try {
        request = method.requestDeserialize(bytes);
      } catch {
        reject(new GrpcError("INVALID_ARGUMENT", "not a ServerReflectionRequest"));
        return;
      }
      handler({
        on: (event, listener) => {
          if (event === "data") queueMicrotask(() => listener(request));
        },
        write: (response) => resolve(method.responseSerialize(response)),
      });
    });
}
