// A collector that counts, a process of its own: takes Jaeger's api_v2 over gRPC, keeps nothing, and does as
// little with a span as can be done.
//
//   node bench/count-spans.ts      its port as a line; until SIGTERM, then { "spans": … } as another
//
// PostSpansRequest { 1 Batch { 1 Span*, 2 Process } }: spans are counted by their tags, and stepped over.

import { silentLog } from "../src/base/log.ts";
import { openGrpcServer } from "../src/net/grpc-server.ts";
import { fieldTag, LENGTH, ProtobufReader } from "../src/wire/protobuf-reader.ts";

const BATCH = fieldTag(1, LENGTH);
const SPAN = fieldTag(1, LENGTH);

const reader = new ProtobufReader();

/** @throws SpoorError `bad-input` if it is no request. */
function countSpans(request: Uint8Array): number {
  let spans = 0;
  reader.begin(request);
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag !== BATCH) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    for (let inner = reader.nextTag(); inner !== 0; inner = reader.nextTag()) {
      if (inner === SPAN) spans++;
      reader.skip(inner);
    }
    reader.leave(outer);
  }
  return spans;
}

let spans = 0;
const server = await openGrpcServer({
  name: "counting",
  hostPort: { host: "127.0.0.1", port: 0 },
  services: [
    {
      name: "jaeger.api_v2.CollectorService",
      methods: {
        PostSpans: {
          kind: "unary",
          handle(request) {
            spans += countSpans(request);
            return new Uint8Array(0);
          },
        },
      },
    },
  ],
  log: silentLog,
  onBug(error) {
    throw error;
  },
});
process.once("SIGTERM", () => {
  process.stdout.write(`${JSON.stringify({ spans })}\n`);
  void server.close(0);
});
process.stdout.write(`${server.port}\n`);
