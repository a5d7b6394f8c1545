// Bodies that are wrong, sent to every door of a running Spoor: each is answered, none with a fault of ours,
// the books say what became of it, and the process lives in the memory that it was given.
//
//   cut short · changed · noise · lengths of 2^31 · nesting · bombs   ─▶  4xx, INVALID_ARGUMENT, or taken
//
// After each test a sound payload goes through the same doors.
// Not here: wrong connections (hostile-connections.test.ts), odd spans (odd-spans.test.ts), and every
// prefix and thousands of changes of each format (src/wire).

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { constants, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { makeRandom, mutate } from "../fuzz/mutate.ts";
import { readProcess } from "../read-process.ts";
import { type Ledger, useSpoor } from "./running-spoor.ts";
import { type Outcome, TARGETS, type Target, findTarget } from "./targets.ts";

const MIB = 1 << 20;
const STORE_MIB = 64;
/** What the process may take besides its store, and garbage of a body as large as one may become. */
const RSS_MIB_ABOVE_STORE = 250 + 64;

const CUTS = 60;
const CHANGES = 120;
const NOISES = 20;
const NOISE_BYTES_MAX = 64 * 1024;
const DEEP = 200_000;
const BOMB_BYTES = 512 * MIB;
/** Requests to a door at a time. */
const CONCURRENCY = 8;
const SEED = 20_261_123;

const spoor = useSpoor("--span-storage.type=memory", `--memory.max-bytes=${STORE_MIB}MiB`);

afterEach(async () => {
  for (const target of TARGETS) {
    const { outcome, answer } = await target.send(spoor(), target.samples[0]!);
    assert.equal(outcome, "accepted", `${target.name}, a sound payload: ${answer}`);
  }
  const { rssPeakBytes } = readProcess(spoor().process.pid);
  const peakMib = Math.round(rssPeakBytes / MIB);
  assert(rssPeakBytes > 0 && peakMib < STORE_MIB + RSS_MIB_ABOVE_STORE, `peak RSS ${peakMib} MiB`);
});

/** Requests of a door, whatever format they were taken for. */
function requestsOf(ledger: Ledger, { door }: Target): { stored: number; refused: number } {
  const name = door.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`);
  let stored = 0;
  let refused = 0;
  for (const { door: own, requests } of ledger.accounts) {
    if (own !== name) continue;
    stored += requests.stored;
    refused += Object.values(requests.refused).reduce((sum, count) => sum + count, 0);
  }
  return { stored, refused };
}

/** Sends all; each is answered without a fault, and counted as what its sender was told. */
async function sendAll(
  target: Target,
  payloads: readonly Uint8Array[],
  encoding?: string,
): Promise<Record<Outcome, number>> {
  const before = requestsOf(await spoor().checkLedger(), target);
  const counts = { accepted: 0, refused: 0, fault: 0 };
  const rest = payloads.entries();
  const sendRest = async (): Promise<void> => {
    for (const [at, payload] of rest) {
      const { outcome, answer } = await target.send(spoor(), payload, encoding);
      counts[outcome]++;
      const hex = Buffer.from(payload.subarray(0, 200)).toString("hex");
      assert.notEqual(outcome, "fault", `payload ${at}: ${answer}; it starts with ${hex}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, sendRest));
  const now = requestsOf(await spoor().checkLedger(), target);
  const change = { stored: now.stored - before.stored, refused: now.refused - before.refused };
  assert.deepEqual(change, { stored: counts.accepted, refused: counts.refused }, "in the books");
  return counts;
}

/** `count` proper prefixes, evenly spread, the shortest and the longest among them. */
function cut(payload: Buffer, count: number): Buffer[] {
  const step = Math.max(1, Math.floor(payload.length / count));
  const ends = Array.from({ length: Math.ceil(payload.length / step) }, (_, at) => at * step);
  return [...ends, payload.length - 1].map((end) => payload.subarray(0, end));
}

for (const target of TARGETS) {
  test(`${target.name}: payloads that are cut short`, async () => {
    const { refused } = await sendAll(
      target,
      target.samples.flatMap((sample) => cut(sample, CUTS)),
    );
    assert(refused > CUTS / 2, `only ${refused} were refused`);
  });

  test(`${target.name}: payloads with changes in them`, async () => {
    const random = makeRandom(SEED);
    await sendAll(
      target,
      Array.from({ length: CHANGES }, () => mutate(random, target.samples)),
    );
  });

  test(`${target.name}: noise`, async () => {
    const random = makeRandom(SEED);
    const noise = (): Uint8Array =>
      Uint8Array.from({ length: 1 + random(NOISE_BYTES_MAX) }, () => random(256));
    const { accepted } = await sendAll(target, Array.from({ length: NOISES }, noise));
    assert.equal(accepted, 0);
  });

  test(`${target.name}: the payloads of all other formats`, async () => {
    const others = TARGETS.filter((one) => one.samples[0] !== target.samples[0]);
    await sendAll(
      target,
      others.flatMap(({ samples }) => samples),
    );
  });

  for (const encoding of target.encodings) {
    test(`${target.name}: a body said to be ${encoding} that is not, and one that is cut`, async () => {
      if (target.door === "otlpGrpc" || target.door === "jaegerGrpc") return; // grpc-js compresses
      const whole = compress(encoding, target.samples[0]!);
      // Nothing at all is an empty message of protobuf, in every encoding.
      const [, ...cuts] = cut(whole, 20);
      const wrong = [target.samples[0]!, Buffer.alloc(100), ...cuts];
      const { accepted } = await sendAll(target, wrong, encoding);
      assert.equal(accepted, 0);
      assert.deepEqual(await sendAll(target, [whole], encoding), {
        accepted: 1,
        refused: 0,
        fault: 0,
      });
    });

    test(`${target.name}: ${BOMB_BYTES / MIB} MiB of zeros in ${encoding}`, async () => {
      const isGrpc = target.encodings.length === 1;
      // grpc-js compresses by itself, in memory: a smaller bomb, still many times the bound.
      const bomb = isGrpc ? Buffer.alloc(BOMB_BYTES / 8) : makeBomb(encoding);
      const counts = await sendAll(target, [bomb, bomb, bomb], encoding);
      assert.deepEqual(counts, { accepted: 0, refused: 3, fault: 0 });
    });
  }
}

function compress(encoding: string, bytes: Uint8Array): Buffer {
  switch (encoding) {
    case "gzip":
      return gzipSync(bytes);
    case "deflate":
      return deflateSync(bytes);
    default:
      return zstdCompressSync(bytes);
  }
}

const bombs = new Map<string, Buffer>();

/** Zeros; a JSON reader would take spaces, so that is what stands in them. */
function makeBomb(encoding: string): Buffer {
  let bomb = bombs.get(encoding);
  if (bomb === undefined) {
    const spaces = Buffer.alloc(BOMB_BYTES, " ");
    const fast = { level: constants.Z_BEST_SPEED };
    if (encoding === "gzip") bomb = gzipSync(spaces, fast);
    else if (encoding === "deflate") bomb = deflateSync(spaces, fast);
    else bomb = zstdCompressSync(spaces);
    bombs.set(encoding, bomb);
  }
  return bomb;
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const repeat = (text: string, times: number): Buffer => Buffer.from(text.repeat(times));

// Lengths that a reader might allocate, loop over, or take for negative.
const wrongLengths: readonly (readonly [target: string, payloads: readonly Buffer[]])[] = [
  [
    "OTLP HTTP protobuf",
    [
      hex("0a ff ff ff ff 07"), //                         resource_spans of 2^31 - 1 bytes
      hex("0a 80 80 80 80 08"), //                         2^31
      hex("0a ff ff ff ff 0f"), //                         2^32 - 1
      hex("0a ff ff ff ff ff ff ff ff ff 01"), //          -1
      hex("0a 80 80 80 80 80 80 80 80 80 80 80 01"), //    a varint without end
      hex("0a 05 12 ff ff ff 7f"), //                      a length past its parent
      hex("0b 0b 0b 0b"), //                               groups
      hex("00 00"), //                                     field 0
    ],
  ],
  [
    "Jaeger HTTP Thrift",
    [
      hex("0f 0002 0c 7fffffff"), //                       2^31 - 1 spans
      hex("0f 0002 0c 80000000"), //                       -2^31 spans
      hex("0f 0002 0c ffffffff"), //                       -1
      hex("0c 0001 0b 0001 7fffffff 61"), //               a service name of 2^31 - 1 bytes
      hex("0c 0001 0b 0001 ffffffff 61"), //               of -1
      hex("0d 0009 0b 0b 7fffffff"), //                    an unknown map of 2^31 - 1 pairs
      hex("0f 0009 00 7fffffff"), //                       a list of elements without a size
      hex("0f 0002 02 7fffffff"), //                       booleans where spans should be
    ],
  ],
  [
    "Zipkin v1 Thrift",
    [
      hex("0c 7fffffff"),
      hex("0c 80000000"),
      hex("0c 00000001 0b 0003 7fffffff"),
      hex("0c 00000001 0f 0006 0c 7fffffff"),
      hex("02 7fffffff"),
    ],
  ],
  [
    "Zipkin v2 protobuf",
    [hex("0a ff ff ff ff 07"), hex("0a ff ff ff ff ff ff ff ff ff 01"), hex("0a 03 0a ff 01")],
  ],
  [
    "Jaeger gRPC",
    [
      hex("0a ff ff ff ff 07"),
      hex("0a 06 0a ff ff ff ff 0f"),
      hex("0a ff ff ff ff ff ff ff ff ff 01"),
    ],
  ],
  ["OTLP gRPC", [hex("0a ff ff ff ff 07"), hex("0a ff ff ff ff ff ff ff ff ff 01")]],
];

for (const [name, payloads] of wrongLengths) {
  test(`${name}: lengths that are not there`, async () => {
    const { accepted } = await sendAll(findTarget(name), payloads);
    assert.equal(accepted, 0);
  });
}

/** `value` in `depth` lists, as OTLP writes them: each length is that of what follows. */
function nestProto(depth: number): Buffer {
  const parts: Buffer[] = [];
  let length = 0;
  const push = (part: Buffer): void => {
    parts.push(part);
    length += part.length;
  };
  const wrap = (field: number): void =>
    push(Buffer.from([(field << 3) | 2, ...varint(length)].toReversed()));
  push(Buffer.from([1, 0x10])); // bool_value, written backwards as all here
  for (let at = 0; at < depth; at++) {
    wrap(1); // values
    wrap(5); // array_value
  }
  wrap(2); // value
  push(Buffer.from([0x61, 1, 0x0a])); // key
  wrap(1); // attributes
  wrap(1); // resource
  wrap(1); // resource_spans
  return Buffer.concat(parts).reverse();
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}

const deeps: readonly (readonly [target: string, payloads: readonly Buffer[]])[] = [
  ["OTLP HTTP protobuf", [nestProto(DEEP)]],
  [
    "OTLP HTTP JSON",
    [
      repeat("[", DEEP),
      repeat('{"a":', DEEP),
      Buffer.from(
        `{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":` +
          `${'{"arrayValue":{"values":['.repeat(DEEP)}{}${"]}}".repeat(DEEP)}}]}}]}`,
      ),
    ],
  ],
  ["Zipkin v2 JSON", [repeat("[", DEEP), repeat('[{"tags":{"a":', DEEP), repeat('[{"x":', DEEP)]],
  ["Zipkin v1 JSON", [repeat("[", DEEP), repeat('[{"binaryAnnotations":[{"value":', DEEP)]],
  [
    "Jaeger HTTP Thrift",
    [Buffer.alloc(3 * DEEP, hex("0c 0009")), Buffer.alloc(9 * DEEP, hex("0f 0009 0f 00000001 00"))],
  ],
  [
    "Zipkin v1 Thrift",
    [Buffer.concat([hex("0c 00000001"), Buffer.alloc(3 * DEEP, hex("0c 0063"))])],
  ],
];

for (const [name, payloads] of deeps) {
  test(`${name}: nesting without end`, async () => {
    await sendAll(findTarget(name), payloads);
  });
}
