// Which room may import which. Data flows down this list; imports point only up.
// Checked by tools/tidy.test.ts, so `npm test` is the one door to every check.
const floor = ["base", "model"];
const library = [...floor, "wire", "net", "store"];

export const rooms: Readonly<Record<string, readonly string[]>> = {
  base: [], //                      errors, clock, metrics, settings; no tracing, no node:
  model: ["base"], //               SpanBatch, queries; nothing of bytes or disks
  wire: floor, //                   one file per format: bytes <-> SpanBatch, no I/O
  net: ["base"], //                 sockets, HTTP, gRPC, TLS; no formats
  store: [...floor, "wire", "net"], // one folder per engine behind TraceStore
  sampling: library, //             what clients sample: file, adaptive, the answers
  otlp: ["base", "wire", "net"], // its two doors, for whoever takes spans
  agent: [...library, "sampling", "otlp"], // doors, forwarding, the spool
  collector: [...library, "sampling", "otlp"], // doors, intake, ledger
  query: library, //                HTTP and gRPC answers
  tracegen: [...floor, "wire", "net"], // made-up traces, sent in any protocol
  client: ["base", "model", "wire"], // the tracer in users' processes: Node 20 and later, no server code
  demo: [...floor, "wire", "client"], // small services: OpenTelemetry SDKs, and our client
  cli: [...library, "sampling", "agent", "collector", "query", "tracegen", "demo"], // knows all rooms
};

/** Rooms that run wherever JavaScript runs: nothing of `node:` and no npm package. */
export const pureRooms: readonly string[] = ["base", "model", "wire"];

/** Folders of `store` that engines may share; all its other folders are engines. */
export const storeParts: readonly string[] = ["head", "block", "file", "search", "log", "disk"];

/**
 * npm packages that a room may import; a trailing `/` means every package of that scope. A room
 * that is not named imports none.
 */
export const packages: Readonly<Record<string, readonly string[]>> = {
  net: ["@grpc/reflection"],
  demo: ["@grpc/grpc-js", "@opentelemetry/"],
  store: ["re2js"],
  client: ["opentracing", "@grpc/grpc-js", "@opentelemetry/api"],
  cli: ["pino", "smol-toml", "yaml"],
};
