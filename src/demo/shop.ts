// The demo's shop: which services there are, who calls whom and how, and what goes wrong at times.
//
//   browser ─▶ frontend ─http─▶ cart ─http─▶ catalog
//                      └─grpc─▶ checkout ─grpc─▶ payment
//                                        └─http─▶ shipping
//
// A table, so that a service is a name and what it does; service.ts plays it.

/** How the spans of a service are made and leave its process: half of them by our client, over UDP. */
export type Exporter = "otlp-grpc" | "otlp-http" | "otlp-json" | "spoor-client";

export interface Call {
  readonly to: ServiceName;
  readonly by: "http" | "grpc";
}

export interface ServicePlan {
  readonly serves: "http" | "grpc";
  readonly exporter: Exporter;
  /** What its server spans are about. */
  readonly route: string;
  readonly calls: readonly Call[];
  /** Own work in ms, from..to; a share of requests takes `slowMs` more. */
  readonly workMs: readonly [from: number, to: number];
  readonly slowShare: number;
  readonly slowMs: number;
  readonly errorShare: number;
  readonly errorText: string;
}

export type ServiceName = "frontend" | "cart" | "catalog" | "checkout" | "payment" | "shipping";

const usual = { slowShare: 0, slowMs: 0, errorShare: 0, errorText: "" };

export const SHOP: Readonly<Record<ServiceName, ServicePlan>> = {
  frontend: {
    ...usual,
    serves: "http",
    exporter: "otlp-grpc",
    route: "/buy",
    calls: [
      { to: "cart", by: "http" },
      { to: "checkout", by: "grpc" },
    ],
    workMs: [1, 4],
  },
  cart: {
    ...usual,
    serves: "http",
    exporter: "spoor-client",
    route: "/cart",
    calls: [{ to: "catalog", by: "http" }],
    workMs: [1, 6],
  },
  catalog: {
    ...usual,
    serves: "http",
    exporter: "otlp-json",
    route: "/products",
    calls: [],
    workMs: [2, 9],
    slowShare: 0.1,
    slowMs: 180,
  },
  checkout: {
    ...usual,
    serves: "grpc",
    exporter: "spoor-client",
    route: "PlaceOrder",
    calls: [
      { to: "payment", by: "grpc" },
      { to: "shipping", by: "http" },
    ],
    workMs: [1, 5],
  },
  payment: {
    serves: "grpc",
    exporter: "otlp-http",
    route: "Charge",
    calls: [],
    workMs: [4, 20],
    slowShare: 0.05,
    slowMs: 400,
    errorShare: 0.06,
    errorText: "card was declined by the issuer",
  },
  shipping: {
    ...usual,
    serves: "http",
    exporter: "spoor-client",
    route: "/quote",
    calls: [],
    workMs: [1, 3],
    errorShare: 0.03,
    errorText: "no carrier serves this address",
  },
};

export const SERVICE_NAMES = Object.keys(SHOP) as readonly ServiceName[];
