// Server reflection.

import type { GrpcService } from "./grpc-service.ts";

/**
 * `grpc.reflection.v1.ServerReflection` and `v1alpha`, to be put among the services of a door.
 * The files are read, and the protobuf library loaded, at the first call.
 *
 * @param protoFiles paths of .proto files; @param includeDirs where their imports are.
 */
export function makeGrpcReflection(
  _protoFiles: readonly string[],
  _includeDirs: readonly string[],
): readonly GrpcService[] {
  throw new Error("bug: not written yet");
}
