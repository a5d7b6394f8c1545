// Connections that are wrong, to every port of a running Spoor and of an agent beside it: other protocols,
// headers without end, peers that are slow, silent or gone. Each is cut off in bounded time, and nobody else
// waits meanwhile.
//
// Not here: wrong bodies of right requests (hostile-payloads.test.ts), each server's bounds one by one (src/net).

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, afterEach, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { type AgentProcess, startAgent } from "../agent-process.ts";
import { type RawPeer, openRawPeer } from "../raw-peer.ts";
import { type Door, useSpoor } from "./running-spoor.ts";
import { TARGETS } from "./targets.ts";

const spoor = useSpoor(
  "--collector.http-server.read-timeout=2s",
  "--collector.otlp.http.read-timeout=2s",
);

type AnyDoor = Door | "agentSampling" | "agentAdmin";

const DOORS: readonly AnyDoor[] = [
  "otlpGrpc",
  "otlpHttp",
  "jaegerGrpc",
  "jaegerHttp",
  "tchannel",
  "zipkin",
  "admin",
  "queryHttp",
  "queryGrpc",
  "samplingHttp",
  "samplingGrpc",
  "agentSampling",
  "agentAdmin",
];
const HTTP_DOORS = DOORS.filter((door) => door !== "tchannel" && !door.endsWith("Grpc"));

/** The slowest bound: a gRPC peer has 10 s for its first words. */
const CUT_MS_MAX = 14_000;
const DRIP_MS = 100;
/** So slow that forty bytes take longer than anybody has. */
const SLOW_DRIP_MS = 500;
const SILENT_PEERS = 150;
/** Answers to somebody else while all that goes on. */
const ANSWER_MS_MAX = 1_500;

afterEach(async () => {
  for (const target of TARGETS) {
    const { outcome, answer } = await target.send(spoor(), target.samples[0]!);
    assert.equal(outcome, "accepted", `${target.name}, a sound payload: ${answer}`);
  }
});

let starting: Promise<AgentProcess> | undefined;
after(async () => {
  await (await starting)?.end();
});

/** Beside the Spoor, an agent that forwards to it. */
async function portOf(door: AnyDoor): Promise<number> {
  if (door !== "agentSampling" && door !== "agentAdmin") {
    return Number(spoor().address(door).split(":")[1]);
  }
  starting ??= startAgent([`--reporter.grpc.host-port=${spoor().address("jaegerGrpc")}`]);
  return (await starting).port(door === "agentSampling" ? "sampling" : "admin");
}

async function openTo(door: AnyDoor): Promise<RawPeer> {
  return openRawPeer(await portOf(door));
}

/** @throws AssertionError unless the other side ends the connection in time. */
async function untilCut(peer: RawPeer, what: string): Promise<string> {
  const late = new AbortController();
  const answer = await Promise.race([
    peer.untilClosed(),
    wait(CUT_MS_MAX, undefined, { signal: late.signal }).catch(() => undefined),
  ]);
  late.abort();
  peer.socket.destroy();
  assert(answer !== undefined, `${what}: still connected after ${CUT_MS_MAX} ms`);
  return answer;
}

const HTTP2_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const EMPTY_SETTINGS = "\0\0\0\x04\0\0\0\0\0";

/** What other programs say first. */
const OPENINGS: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["a TLS hello", Buffer.from("160301008f0100008b0303" + "ab".repeat(150), "hex")],
  ["a Thrift message", Buffer.from("80010001000000096d6973646972656374", "hex")],
  ["a TChannel frame", Buffer.from("004c0100000000010000000000000000", "hex")],
  ["an SSH banner", Buffer.from("SSH-2.0-OpenSSH_9.6\r\n")],
  ["HTTP/1.0 of another kind", Buffer.from("BREW /pot HTCPCP/1.0\r\n\r\n")],
  ["a request line without end", Buffer.from(`GET /${"a".repeat(1 << 20)}`)],
  ["noise", randomBytes(1 << 20)],
  ["zeros", Buffer.alloc(1 << 20)],
  [
    "HTTP/2 with a frame of 16 MiB",
    Buffer.from(`${HTTP2_PREFACE}\xff\xff\xff\0\0\0\0\0\x01`, "latin1"),
  ],
  [
    "HTTP/2 with noise behind its settings",
    Buffer.concat([Buffer.from(HTTP2_PREFACE + EMPTY_SETTINGS, "latin1"), randomBytes(5_000)]),
  ],
];

// At once: most of these peers are waited for, as long as a door waits for first words.
describe("peers that begin wrong", { concurrency: true }, () => {
  for (const [what, bytes] of OPENINGS) {
    test(`every door cuts off who says ${what}`, async () => {
      await Promise.all(
        DOORS.map(async (door) => {
          const peer = await openTo(door);
          peer.write(bytes);
          await untilCut(peer, door);
        }),
      );
    });
  }

  test("every door cuts off who speaks HTTP/1 to gRPC, HTTP/2 to HTTP, either to TChannel", async () => {
    const http2 = HTTP2_PREFACE + EMPTY_SETTINGS;
    const http1 = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const wrong = DOORS.map((door) => [door, HTTP_DOORS.includes(door) ? http2 : http1] as const);
    await Promise.all(
      [...wrong, ["tchannel", http2] as const].map(async ([door, words]) => {
        const peer = await openTo(door);
        peer.write(words);
        const answer = await untilCut(peer, door);
        if (HTTP_DOORS.includes(door)) assert.match(answer, /^(?:HTTP\/1\.1 [45]\d\d |$)/, door);
      }),
    );
  });

  test("the TChannel door cuts off frames that drip, stop, or come before their init", async () => {
    // A whole call, but nobody has said who calls; and an init of which the half comes.
    const call = Buffer.alloc(64);
    call.set([0, 64, 0x03]);
    const init = Buffer.alloc(40);
    init.set([0, 80, 0x01]);
    await Promise.all(
      [
        [call, false],
        [init, false],
        [init, true],
      ].map(async ([bytes, drips]) => {
        const peer = await openTo("tchannel");
        peer.write(bytes as Buffer);
        const drip = setInterval(() => drips && peer.write("\0"), SLOW_DRIP_MS);
        await untilCut(peer, "tchannel").finally(() => clearInterval(drip));
      }),
    );
  });

  test("every door cuts off who says nothing, or says goodbye at once", async () => {
    await Promise.all(
      DOORS.flatMap((door) => [
        openTo(door).then((peer) => untilCut(peer, `${door}, silent`)),
        openTo(door).then((peer) => {
          peer.socket.end();
          return untilCut(peer, `${door}, gone`);
        }),
      ]),
    );
  });
});

test("every HTTP door cuts off headers without end", async () => {
  await Promise.all(
    HTTP_DOORS.map(async (door) => {
      const peer = await openTo(door);
      peer.write("POST /api/traces HTTP/1.1\r\nHost: a\r\n");
      let isOver = false;
      const cut = untilCut(peer, door).finally(() => (isOver = true));
      const line = `X-More: ${"a".repeat(8_000)}\r\n`;
      while (!isOver) {
        peer.write(line);
        await wait(1);
      }
      assert.match(await cut, /^(?:HTTP\/1\.1 4\d\d |$)/, door);
    }),
  );
});

test("every HTTP door cuts off headers that drip", async () => {
  await Promise.all(
    HTTP_DOORS.map(async (door) => {
      const peer = await openTo(door);
      peer.write("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ");
      const drip = setInterval(() => peer.write("a"), DRIP_MS);
      await untilCut(peer, door).finally(() => clearInterval(drip));
    }),
  );
});

test("a body that drips or stops is cut off after the read timeout", async () => {
  const paths = { otlpHttp: "/v1/traces", jaegerHttp: "/api/traces" } as const;
  await Promise.all(
    (["otlpHttp", "jaegerHttp"] as const).flatMap((door) =>
      [true, false].map(async (drips) => {
        const peer = await openTo(door);
        peer.write(
          `POST ${paths[door]} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n` +
            `Content-Type: application/x-${door === "otlpHttp" ? "protobuf" : "thrift"}\r\n\r\n\n`,
        );
        const drip = setInterval(() => drips && peer.write("\0"), DRIP_MS);
        await untilCut(peer, door).finally(() => clearInterval(drip));
      }),
    ),
  );
});

test("others are served while many peers are silent, drip, or leave in the middle", async () => {
  const peers: RawPeer[] = [];
  for (const door of DOORS) {
    for (let at = 0; at < SILENT_PEERS; at++) {
      const peer = await openTo(door);
      if (at % 3 === 1) peer.write("POST /v1/traces HTTP/1.1\r\nContent-Le");
      if (at % 3 === 2) peer.socket.resetAndDestroy();
      else peers.push(peer);
    }
  }
  for (const target of TARGETS) {
    const startMs = performance.now();
    const { outcome } = await target.send(spoor(), target.samples[0]!);
    assert.equal(outcome, "accepted");
    const tookMs = performance.now() - startMs;
    assert(tookMs < ANSWER_MS_MAX, `${target.name} took ${tookMs} ms`);
  }
  const { status } = await spoor().get("queryHttp", "/api/services");
  assert.equal(status, 200);
  const asked = await fetch(`http://127.0.0.1:${await portOf("agentSampling")}/sampling?service=a`);
  assert.equal(asked.status, 200);
  for (const peer of peers) peer.socket.destroy();
});
