// jaeger-client-go asks an agent how to sample and sends to it by UDP, Thrift's compact protocol: whichever way
// the agent forwards, every field comes back.
//
//   test/e2e/go-jaeger-client ─ go build ─▶ peer ─▶ spoor agent ─▶ spoor ─▶ query API
//
// Skipped, with a line, where Go is missing or its modules cannot be had.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AGENT_WAYS, untilForwarded, useAgents } from "./agent-ways.ts";
import { OPENTRACING_SPANS, expectOpenTracing, readPeerSaid } from "./opentracing-spans.ts";
import { checkReadBack } from "./read-back.ts";
import { runProgram, whyMissing } from "./run-program.ts";
import { useSpoor } from "./running-spoor.ts";

const folder = join(import.meta.dirname, "go-jaeger-client");

const DOWNLOAD_MS_MAX = 120_000;
const BUILD_MS_MAX = 240_000;
const PEER_MS_MAX = 30_000;

const spoor = useSpoor("--sampling.default-sampling-probability=1");
const agentOf = useAgents(spoor);
let scratch = "";
let peer = "";
let missing: string | undefined;

before(async () => {
  missing = await whyMissing("go", "version");
  if (missing !== undefined) return;
  try {
    await runProgram("go", ["mod", "download"], { cwd: folder, msMax: DOWNLOAD_MS_MAX });
  } catch (error) {
    const [line = ""] = String((error as { stderr?: unknown }).stderr).split("\n");
    missing = `its modules cannot be downloaded (${line.slice(0, 200)})`;
    return;
  }
  scratch = await mkdtemp(join(tmpdir(), "spoor-go-jaeger-"));
  peer = join(scratch, "peer");
  await runProgram("go", ["build", "-o", peer, "."], { cwd: folder, msMax: BUILD_MS_MAX });
});

after(async () => {
  if (scratch !== "") await rm(scratch, { recursive: true, force: true });
});

for (const way of AGENT_WAYS) {
  test(`Go, jaeger-client by UDP, the agent by ${way.name}: every field comes back`, async (t) => {
    if (missing !== undefined) {
      t.skip(`needs Go: ${missing}`);
      return;
    }
    const agent = await agentOf(way);
    const service = `go-${way.name}`;
    const args = [
      `--agent=127.0.0.1:${agent.port("compact")}`,
      `--sampling=http://127.0.0.1:${agent.port("sampling")}/sampling`,
      `--service=${service}`,
    ];
    const said = readPeerSaid(await runProgram(peer, args, { msMax: PEER_MS_MAX }));
    await untilForwarded(agent, OPENTRACING_SPANS);
    const traces = expectOpenTracing(said, {
      service,
      process: ["client-uuid", "hostname", "ip", "jaeger.version"],
      rate: 1,
      more: [["bytes", Uint8Array.of(0, 1, 0xfe, 0xff)]],
    });
    for (const trace of traces) await checkReadBack(spoor(), trace.map(way.shown));
  });
}
