// catalog.proto as grpc-js wants it, with the types of its messages.

import { type ServiceClientConstructor, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

export interface ItemRequest {
  readonly id: string;
}

export interface Item {
  readonly id: string;
  readonly name: string;
  readonly stock: number;
}

export interface Price {
  readonly cents: number;
}

const definition = loadSync(new URL("./catalog.proto", import.meta.url).pathname);

export const { Catalog } = loadPackageDefinition(definition)["shop"] as unknown as {
  readonly Catalog: ServiceClientConstructor;
};
