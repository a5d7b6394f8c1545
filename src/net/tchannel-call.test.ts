// Calls as the specification draws them; arguments over any number of frames; everything cut short.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BodyError } from "./body-error.ts";
import { makeByteBudget } from "./byte-budget.ts";
import {
  CallArguments,
  type Outgoing,
  readAnswerHead,
  readContinueHead,
  readRequestHead,
  writeAnswerHead,
  writeCall,
  writeRequestHead,
} from "./tchannel-call.ts";
import { addChecksum } from "./tchannel-checksum.ts";
import {
  CALL_REQUEST,
  CALL_REQUEST_MORE,
  FRAME_BYTES_MAX,
  PayloadReader,
} from "./tchannel-frame.ts";

const MIB = 1024 * 1024;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => Buffer.from(text, "hex");

const TRACING = "01".repeat(25);
const AS_THRIFT = new Map([["as", "thrift"]]);

function request(parts: Partial<Outgoing>): Uint8Array[] {
  return writeCall({
    type: CALL_REQUEST,
    moreType: CALL_REQUEST_MORE,
    id: 5,
    head: writeRequestHead(1_000, "svc", AS_THRIFT),
    checksumType: 3,
    method: "A::b",
    body: Uint8Array.of(1, 2, 3),
    ...parts,
  });
}

/** crc32C of "A::b", 00 00, 01 02 03. */
const CHECKSUM = addChecksum(3, 0, Buffer.from("413a3a620000010203", "hex"));

test("a call in one frame is written as the specification has it", () => {
  const [frame, ...others] = request({});
  assert.equal(others.length, 0);
  assert.equal(
    hex(frame!),
    "0051" +
      "03" +
      "00" +
      "00000005" +
      "0000000000000000" + // size, type, id
      "00" +
      "000003e8" +
      "00".repeat(25) + // flags, ttl, tracing
      "03" +
      "737663" +
      "01" +
      "02" +
      "6173" +
      "06" +
      "746872696674" + // service, headers
      "03" +
      CHECKSUM.toString(16).padStart(8, "0") +
      "0004" +
      "413a3a62" +
      "0002" +
      "0000" +
      "0003" +
      "010203",
  );
});

test("readRequestHead() and readAnswerHead() give back what was written", () => {
  const head = readRequestHead(new PayloadReader(request({})[0]!.subarray(16)));
  assert.deepEqual(
    { ...head, tracing: hex(head.tracing) },
    {
      isLast: true,
      ttlMs: 1_000,
      tracing: "00".repeat(25),
      service: "svc",
      headers: AS_THRIFT,
    },
  );
  const answer = Buffer.concat([Uint8Array.of(1), writeAnswerHead(unhex(TRACING), AS_THRIFT)]);
  assert.equal(hex(answer), "01" + "00" + TRACING + "01" + "026173" + "06746872696674");
  const read = readAnswerHead(new PayloadReader(answer));
  assert.deepEqual(read, { isLast: false, isOk: true, headers: AS_THRIFT });
});

test("readRequestHead() refuses every proper prefix, a ttl of 0, and streams", () => {
  const payload = Buffer.from(request({})[0]!.subarray(16));
  const headBytes = payload.length - (1 + 4 + 6 + 4 + 5);
  for (let end = 0; end < headBytes; end++) {
    const reader = new PayloadReader(payload.subarray(0, end));
    assert.throws(() => readRequestHead(reader), { code: "bad-input" }, `${end}`);
  }
  const withByte = (at: number, byte: number): PayloadReader => {
    const changed = Buffer.from(payload);
    changed[at] = byte;
    return new PayloadReader(changed);
  };
  assert.throws(() => readRequestHead(withByte(0, 2)), { code: "unsupported" });
  payload.fill(0, 1, 5);
  assert.throws(() => readRequestHead(new PayloadReader(payload)), { message: /ttl of 0 ms/ });
});

/** What the receiver makes of the frames of a request. */
function receive(frames: readonly Uint8Array[], bodyBytesMax = 64 * MIB): CallArguments {
  const budget = makeByteBudget(64 * MIB);
  const args = new CallArguments(bodyBytesMax, budget);
  frames.forEach((frame, at) => {
    const reader = new PayloadReader(frame.subarray(16));
    const isLast = at === 0 ? readRequestHead(reader).isLast : readContinueHead(reader);
    assert.equal(isLast, at === frames.length - 1);
    args.add(reader, isLast);
  });
  return args;
}

for (const checksumType of [0, 1, 3]) {
  test(`writeCall() and CallArguments agree on bodies of any size, checksum ${checksumType}`, () => {
    // Around the room of the first frame, of one more, and of two.
    const around = [0, 65_440, 2 * 65_440, 200_000];
    for (const size of around.flatMap((base) =>
      [0, 1, 20, 24, 40, 60, 64, 100].map((n) => base + n),
    )) {
      const body = Uint8Array.from({ length: size }, (_byte, i) => i * 7);
      const frames = request({ body, checksumType });
      for (const frame of frames) assert.ok(frame.length <= FRAME_BYTES_MAX);
      const args = receive(frames);
      assert.equal(args.method, "A::b");
      assert.equal(args.checksumType, checksumType);
      assert.ok(Buffer.from(args.body).equals(body), `${size}`);
      args.release();
    }
  });
}

test("writeCall() fills a frame to the last byte before it begins another", () => {
  const [frame] = request({ body: new Uint8Array(1) });
  const room = FRAME_BYTES_MAX - (frame!.length - 1);
  const sizes = (bytes: number): number[] =>
    request({ body: new Uint8Array(bytes) }).map(({ length }) => length);
  assert.deepEqual(sizes(room), [FRAME_BYTES_MAX]);
  assert.deepEqual(sizes(room + 1), [FRAME_BYTES_MAX, 16 + 1 + 5 + 2 + 1]);
});

/** Adds the arguments of each frame, its checksum before them; the last one ends the call. */
function addAll(parts: readonly (readonly Uint8Array[])[], checksumType = 3): CallArguments {
  const args = new CallArguments(MIB, makeByteBudget(MIB));
  let checksum = 0;
  parts.forEach((chunks, at) => {
    for (const chunk of chunks) checksum = addChecksum(checksumType, checksum, chunk);
    const head = Buffer.alloc(checksumType === 0 ? 1 : 5);
    head[0] = checksumType;
    if (checksumType !== 0) head.writeUInt32BE(checksum, 1);
    const sized = chunks.flatMap((chunk) => {
      const size = Buffer.alloc(2);
      size.writeUInt16BE(chunk.length);
      return [size, chunk];
    });
    args.add(new PayloadReader(Buffer.concat([head, ...sized])), at === parts.length - 1);
  });
  return args;
}

test("CallArguments puts arguments together however a peer cuts them", () => {
  const method = Buffer.from("Collector::submitBatches");
  const headers = unhex("00010001610001" + "62");
  const body = Uint8Array.from({ length: 50 }, (_byte, i) => i);
  const cut = fc.array(fc.nat({ max: 100 }), { maxLength: 8 });
  fc.assert(
    fc.property(cut, fc.constantFrom(0, 1, 3), (cuts, type) => {
      // Each cut ends a frame at that byte of all arguments; at a border the argument goes on, empty.
      const frames: Uint8Array[][] = [[]];
      let at = 0;
      const ends = cuts.toSorted((a, b) => a - b);
      for (const argument of [method, headers, body]) {
        let start = 0;
        while (ends.length > 0 && ends[0]! - at <= argument.length) {
          const end = ends.shift()! - at;
          frames.at(-1)!.push(argument.subarray(start, end));
          frames.push([]);
          start = end;
        }
        frames.at(-1)!.push(argument.subarray(start));
        at += argument.length;
      }
      const args = addAll(frames, type);
      assert.equal(args.method, "Collector::submitBatches");
      assert.deepEqual(args.headers, new Map([["a", "b"]]));
      assert.equal(hex(args.body), hex(body));
    }),
  );
});

const A = Uint8Array.of(65);
const NO = new Uint8Array(0);
const refused: readonly (readonly [what: string, parts: readonly Uint8Array[][], why: RegExp])[] = [
  ["a fourth argument", [[A, NO, A, A]], /more than 3 arguments/],
  [
    "a fourth argument in a later frame",
    [
      [A, NO, A],
      [NO, A],
    ],
    /more than 3 arguments/,
  ],
  ["two arguments", [[A, NO]], /2 arguments, expected 3/],
  ["a frame without arguments", [[A, NO, A], []], /frame ends/],
  ["a method that is too long", [[new Uint8Array(17_000), NO, A]], /at most 16384/],
  ["headers that are cut off", [[A, Uint8Array.of(0, 1), A]], /frame ends/],
  ["bytes after the headers", [[A, Uint8Array.of(0, 0, 0), A]], /1 bytes after/],
];

for (const [what, parts, why] of refused) {
  test(`CallArguments refuses ${what}`, () => {
    assert.throws(() => addAll(parts), { code: "bad-input", message: why });
  });
}

test("CallArguments refuses a wrong checksum, another type of it, and types that are not served", () => {
  const payload = (text: string): PayloadReader => new PayloadReader(unhex(text));
  const args = (): CallArguments => new CallArguments(MIB, makeByteBudget(MIB));
  assert.throws(() => args().add(payload("01000000000001410000000141"), true), {
    message: "the checksum does not match",
  });
  assert.throws(() => args().add(payload("0200000000000141"), true), {
    code: "unsupported",
    message: /farmhash, expected none, crc32 or crc32C/,
  });
  assert.throws(() => args().add(payload("0900000000000141"), true), { code: "unsupported" });
  const two = args();
  two.add(payload("000001410000000141"), false);
  assert.throws(() => two.add(payload("0100000000000141"), true), {
    message: /after one of type 0/,
  });
});

test("CallArguments refuses a body above its bound, and one that the budget has no room for", () => {
  const frames = request({ body: new Uint8Array(200_000) });
  const isReason = (reason: string) => (error: unknown) =>
    error instanceof BodyError && error.reason === reason;
  assert.throws(() => receive(frames, 199_999), isReason("too-large"));
  const budget = makeByteBudget(100_000);
  const args = new CallArguments(MIB, budget);
  assert.throws(() => {
    frames.forEach((frame, at) => {
      const reader = new PayloadReader(frame.subarray(16));
      const isLast = at === 0 ? readRequestHead(reader).isLast : readContinueHead(reader);
      args.add(reader, isLast);
    });
  }, isReason("over-budget"));
  args.release();
  args.release();
  assert.equal(budget.heldBytes, 0);
});
