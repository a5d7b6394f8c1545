// jaeger-client for Python asks an agent how to sample and sends to it by UDP, Thrift's compact protocol:
// whichever way the agent forwards, every field comes back.
//
//   python3 -m venv ─ pip install ─▶ test/e2e/python-jaeger-client/send.py ─▶ spoor agent ─▶ spoor
//
// The package's last version is of 2021: beside it stand versions of what it needs with which it runs.
// Skipped, with a line, where Python is missing or its packages cannot be had.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AGENT_WAYS, untilForwarded, useAgents } from "./agent-ways.ts";
import { OPENTRACING_SPANS, expectOpenTracing, readPeerSaid } from "./opentracing-spans.ts";
import { checkReadBack } from "./read-back.ts";
import { runProgram, whyMissing } from "./run-program.ts";
import { useSpoor } from "./running-spoor.ts";

const folder = join(import.meta.dirname, "python-jaeger-client");

const INSTALL_MS_MAX = 180_000;
const SEND_MS_MAX = 60_000;

const spoor = useSpoor("--sampling.default-sampling-probability=1");
const agentOf = useAgents(spoor);
let scratch = "";
let missing: string | undefined;

before(async () => {
  missing = await whyMissing("python3", "--version");
  if (missing !== undefined) return;
  scratch = await mkdtemp(join(tmpdir(), "spoor-python-jaeger-"));
  try {
    await runProgram("python3", ["-m", "venv", scratch], { msMax: INSTALL_MS_MAX });
    const install = ["-m", "pip", "install", "--quiet", "-r", join(folder, "requirements.txt")];
    await runProgram(join(scratch, "bin/python"), install, { msMax: INSTALL_MS_MAX });
  } catch (error) {
    const lines = String((error as { stderr?: unknown }).stderr)
      .trim()
      .split("\n");
    missing = `its packages cannot be installed (${(lines.at(-1) ?? "").slice(0, 200)})`;
  }
});

after(async () => {
  if (scratch !== "") await rm(scratch, { recursive: true, force: true });
});

for (const [number, way] of AGENT_WAYS.entries()) {
  test(`Python, jaeger-client by UDP, the agent by ${way.name}: every field comes back`, async (t) => {
    if (missing !== undefined) {
      t.skip(`needs Python: ${missing}`);
      return;
    }
    const agent = await agentOf(way);
    const service = `python-${way.name}`;
    const script = join(folder, "send.py");
    const args = [agent.port("compact"), agent.port("sampling"), service, number].map(String);
    const output = await runProgram(join(scratch, "bin/python"), [script, ...args], {
      msMax: SEND_MS_MAX,
    });
    await untilForwarded(agent, OPENTRACING_SPANS);
    const traces = expectOpenTracing(readPeerSaid(output), {
      service,
      process: ["hostname", "ip", "jaeger.version"],
      rate: 1n,
      more: [],
    });
    for (const trace of traces) await checkReadBack(spoor(), trace.map(way.shown));
  });
}
