// The gRPC service of the chain: one method of each kind, and one that fails. Messages are JSON.

import { type ServiceDefinition, makeGenericClientConstructor } from "@grpc/grpc-js";

export interface Note {
  readonly text: string;
}

const write = (note: Note): Buffer => Buffer.from(JSON.stringify(note));
const read = (bytes: Buffer): Note => JSON.parse(bytes.toString()) as Note;

function makeMethod(name: string, requestStream: boolean, responseStream: boolean): object {
  return {
    path: `/chain.Notes/${name}`,
    requestStream,
    responseStream,
    requestSerialize: write,
    requestDeserialize: read,
    responseSerialize: write,
    responseDeserialize: read,
  };
}

const methods = {
  Put: makeMethod("Put", false, false),
  PutMany: makeMethod("PutMany", true, false),
  List: makeMethod("List", false, true),
  Chat: makeMethod("Chat", true, true),
  Fail: makeMethod("Fail", false, false),
} as unknown as ServiceDefinition;

export const Notes = makeGenericClientConstructor(methods, "chain.Notes");
