// Realistic spans for the load generator: a "unit" is a fixed group of traces whose shape follows from a
// seed; ids, times, order and user numbers are holes that are filled before each send.
//
//   unit ─ encode-*.ts ─▶ messages of bytes with holes ─ holed-bytes.ts ─▶ unlike at every send
//
// A trace has 20 to 40 spans (30 on average) over 8 services; a span has 12 attributes of mixed
// cardinality, a resource 12; one span in seven has an event, 2 % are errors with a stack trace.

export type AttributeValue = string | boolean | { readonly int: number } | number;

export interface Attribute {
  readonly key: string;
  /** A string (which may hold ORDER or USER), a bool, an int, or a double. */
  readonly value: AttributeValue;
}

/** Runs of these marks in a text are holes: a number of the trace's own. */
export const ORDER = "\u0001".repeat(8);
export const USER = "\u0002".repeat(6);

export interface EventModel {
  /** ns after the unit's base time. */
  readonly atNs: number;
  readonly name: string;
  readonly attributes: readonly Attribute[];
}

export interface SpanModel {
  readonly trace: number;
  /** Index in the unit: the source of its id. */
  readonly index: number;
  /** Index of the parent; -1: a root. */
  readonly parent: number;
  readonly service: number;
  readonly name: string;
  /** OTLP's numbers. */
  readonly kind: number;
  readonly atNs: number;
  readonly durationNs: number;
  readonly isError: boolean;
  readonly attributes: Attribute[];
  readonly events: EventModel[];
}

export interface ServiceModel {
  readonly name: string;
  /** `service.name` first. */
  readonly attributes: readonly Attribute[];
}

export interface Unit {
  readonly services: readonly ServiceModel[];
  readonly spans: SpanModel[];
  readonly traces: number;
  /** ns from the base time to the last end. */
  readonly lengthNs: number;
}

export type Random = () => number;

/** mulberry32. */
export function makeRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const SERVICES = [
  "frontend",
  "checkout",
  "cart",
  "catalog",
  "payment",
  "shipping",
  "auth",
  "recommendation",
];
const TABLES = ["orders", "order_items", "customers", "products", "prices", "stock", "sessions"];
const AGENTS = [
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
  "okhttp/4.12.0",
  "grpc-node-js/1.12.2",
  "axios/1.7.2",
];
const STATUSES = [200, 200, 200, 200, 200, 200, 201, 204, 304, 404];
const TENANTS = ["acme", "globex", "initech", "umbrella", "hooli", "stark", "wayne", "wonka"];
const STACK =
  "UpstreamTimeoutError: deadline exceeded\n    at Client.call (/srv/app/dist/client.js:212:17)\n" +
  "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)\n" +
  "    at async OrderService.load (/srv/app/dist/orders.js:88:22)";

interface Route {
  readonly name: string;
  readonly method: string;
  readonly path: string;
}

function routesOf(service: string): Route[] {
  const base = `/api/${service}`;
  return [
    { name: `GET ${base}`, method: "GET", path: base },
    { name: `GET ${base}/{id}`, method: "GET", path: `${base}/{id}` },
    { name: `POST ${base}`, method: "POST", path: base },
    { name: `PUT ${base}/{id}`, method: "PUT", path: `${base}/{id}` },
    { name: `GET ${base}/{id}/items`, method: "GET", path: `${base}/{id}/items` },
    { name: `POST ${base}/{id}/confirm`, method: "POST", path: `${base}/{id}/confirm` },
  ];
}

/** The unit number `number` of a seed. */
export function makeUnit(seed: number, number: number, traces: number): Unit {
  const random = makeRandom(seed * 1_000_003 + number);
  const services = SERVICES.map((name, index) => makeService(name, index, number % 4, random));
  const spans: SpanModel[] = [];
  for (let trace = 0; trace < traces; trace++) addTrace(random, spans, trace, trace * 37_000);
  const lengthNs = Math.max(...spans.map((span) => span.atNs + span.durationNs));
  return { services, spans, traces, lengthNs };
}

function hex(random: Random, digits: number): string {
  return Array.from({ length: digits }, () => int(random, 16).toString(16)).join("");
}

function int(random: Random, below: number): number {
  return Math.floor(random() * below);
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[int(random, list.length)]!;
}

function makeService(name: string, index: number, pod: number, random: Random): ServiceModel {
  const own = makeRandom(index * 4 + pod);
  const podName = `${name}-${hex(own, 10)}-${hex(own, 5)}`;
  const attributes: Attribute[] = [
    { key: "service.name", value: name },
    { key: "service.version", value: `1.${2 + index}.${pod}` },
    { key: "service.instance.id", value: `${hex(own, 8)}-${hex(own, 4)}-${hex(own, 12)}` },
    { key: "deployment.environment", value: "production" },
    { key: "k8s.namespace.name", value: "shop" },
    { key: "k8s.pod.name", value: podName },
    { key: "k8s.node.name", value: `ip-10-0-${int(own, 4)}-${int(own, 250)}.internal` },
    { key: "host.name", value: podName },
    { key: "telemetry.sdk.name", value: "opentelemetry" },
    { key: "telemetry.sdk.language", value: "nodejs" },
    { key: "telemetry.sdk.version", value: "1.30.1" },
    { key: "process.pid", value: { int: 1 + int(random, 60) } },
  ];
  return { name, attributes };
}

function addTrace(random: Random, spans: SpanModel[], trace: number, baseNs: number): void {
  const first = spans.length;
  const target = 20 + int(random, 21);
  const tenant = pick(random, TENANTS);
  let totalNs = (20 + int(random, 400)) * 1_000_000;
  if (int(random, 20) === 0) totalNs *= 5;
  const route = pick(random, routesOf(SERVICES[0]!));
  const rootPlace = { trace, parent: -1, atNs: baseNs, durationNs: totalNs };
  const root = add(random, spans, { ...rootPlace, ...serverWork(random, tenant, 0, route) });
  const open = [{ span: root, depth: 0 }];
  while (spans.length - first < target) {
    const { span: parent, depth } = open[open.length - 1 - int(random, Math.min(open.length, 6))]!;
    const share = (15 + int(random, 55)) / 100;
    const durationNs = Math.max(Math.floor(parent.durationNs * share), 20_000);
    const roomNs = Math.max(parent.durationNs - durationNs, 0);
    const atNs = parent.atNs + Math.floor(random() * roomNs);
    const place = { trace, parent: parent.index, atNs, durationNs };
    const what = int(random, 10);
    if (what < 5 && depth < 6) {
      const peer = int(random, SERVICES.length);
      const call = pick(random, routesOf(SERVICES[peer]!));
      const work = clientWork(random, tenant, peer, call);
      const client = add(random, spans, { ...place, service: parent.service, ...work });
      const server = add(random, spans, {
        trace,
        parent: client.index,
        atNs: atNs + Math.floor(durationNs / 20),
        durationNs: Math.floor((durationNs * 9) / 10),
        ...serverWork(random, tenant, peer, call),
      });
      open.push({ span: server, depth: depth + 1 });
    } else if (what < 8) {
      add(random, spans, { ...place, service: parent.service, ...queryWork(random, tenant) });
    } else {
      const work = innerWork(random, tenant, parent.service);
      const inner = add(random, spans, { ...place, service: parent.service, ...work });
      open.push({ span: inner, depth: depth + 1 });
    }
  }
}

/** What a span does, wherever it stands. */
type Work = Pick<SpanModel, "name" | "kind" | "attributes">;

function add(
  random: Random,
  spans: SpanModel[],
  span: Omit<SpanModel, "index" | "isError" | "events">,
): SpanModel {
  const isError = int(random, 50) === 0;
  const events: EventModel[] = [];
  if (isError) {
    events.push({
      atNs: span.atNs + span.durationNs,
      name: "exception",
      attributes: [
        { key: "exception.type", value: "UpstreamTimeoutError" },
        { key: "exception.message", value: `request to order ${ORDER} timed out` },
        { key: "exception.stacktrace", value: STACK },
      ],
    });
  } else if (int(random, 7) === 0) {
    events.push({
      atNs: span.atNs + Math.floor(span.durationNs / 3),
      name: "cache lookup",
      attributes: [
        { key: "cache.key", value: `order:${ORDER}` },
        { key: "cache.hit", value: int(random, 3) > 0 },
        { key: "cache.size_bytes", value: { int: int(random, 5_000) } },
      ],
    });
  }
  const whole = { ...span, index: spans.length, isError, events };
  spans.push(whole);
  return whole;
}

function urlOf(service: string, path: string): string {
  return `http://${service}.shop.svc.cluster.local:8080${path.replaceAll("{id}", ORDER)}`;
}

function shared(random: Random, tenant: string): Attribute[] {
  return [
    { key: "user.id", value: `u-${USER}` },
    { key: "tenant", value: tenant },
    { key: "thread.id", value: { int: int(random, 16) } },
  ];
}

function serverWork(
  random: Random,
  tenant: string,
  service: number,
  route: Route,
): Work & Pick<SpanModel, "service"> {
  const attributes: Attribute[] = [
    { key: "http.method", value: route.method },
    { key: "http.url", value: urlOf(SERVICES[service]!, route.path) },
    { key: "http.route", value: route.path },
    { key: "http.status_code", value: { int: pick(random, STATUSES) } },
    { key: "http.user_agent", value: pick(random, AGENTS) },
    { key: "http.flavor", value: "1.1" },
    { key: "net.peer.ip", value: `10.0.${int(random, 4)}.${int(random, 250)}` },
    { key: "net.peer.port", value: { int: 30_000 + int(random, 30_000) } },
    { key: "http.response_content_length", value: { int: int(random, 20_000) } },
    ...shared(random, tenant),
  ];
  return { service, name: route.name, kind: 2, attributes };
}

function clientWork(random: Random, tenant: string, peer: number, route: Route): Work {
  const name = SERVICES[peer]!;
  const attributes: Attribute[] = [
    { key: "http.method", value: route.method },
    { key: "http.url", value: urlOf(name, route.path) },
    { key: "http.status_code", value: { int: 200 } },
    { key: "http.flavor", value: "1.1" },
    { key: "net.peer.name", value: `${name}.shop.svc.cluster.local` },
    { key: "net.peer.port", value: { int: 8_080 } },
    { key: "http.request_content_length", value: { int: int(random, 3_000) } },
    { key: "http.retry_count", value: { int: int(random, 2) } },
    { key: "peer.service", value: name },
    ...shared(random, tenant),
  ];
  return { name: `${route.method} ${name}`, kind: 3, attributes };
}

function queryWork(random: Random, tenant: string): Work {
  const table = pick(random, TABLES);
  const statement =
    `SELECT id, status, total, updated_at FROM ${table} WHERE order_id = ${ORDER} ` +
    "AND tenant = $1 ORDER BY updated_at DESC LIMIT 50";
  const attributes: Attribute[] = [
    { key: "db.system", value: "postgresql" },
    { key: "db.name", value: "shop" },
    { key: "db.statement", value: statement },
    { key: "db.operation", value: "SELECT" },
    { key: "db.sql.table", value: table },
    { key: "net.peer.name", value: "pg-main.shop.svc.cluster.local" },
    { key: "net.peer.port", value: { int: 5_432 } },
    { key: "db.rows_affected", value: { int: int(random, 50) } },
    { key: "db.pool.wait_ms", value: int(random, 4_000) / 1_000 + 0.0001 },
    ...shared(random, tenant),
  ];
  return { name: `SELECT ${table}`, kind: 3, attributes };
}

function innerWork(random: Random, tenant: string, index: number): Work {
  const service = SERVICES[index]!;
  const name = pick(random, ["validate", "render", "serialize", "applyDiscounts", "rank"]);
  const attributes: Attribute[] = [
    { key: "code.function", value: name },
    { key: "code.namespace", value: `com.shop.${service}` },
    { key: "code.lineno", value: { int: 20 + int(random, 900) } },
    { key: "code.filepath", value: `/srv/app/dist/${service}/${name}.js` },
    { key: "order.id", value: ORDER },
    { key: "items.count", value: { int: int(random, 40) } },
    { key: "cache.hit", value: int(random, 3) > 0 },
    { key: "feature.flag", value: pick(random, ["new-ranker", "baseline", "discount-v2"]) },
    { key: "score", value: int(random, 1_000) / 1_000 + 0.0001 },
    ...shared(random, tenant),
  ];
  return { name: `${service}.${name}`, kind: 1, attributes };
}
