// Python: OpenTelemetry's SDK sends by gRPC and HTTP, and every field comes back.
//
//   python3 -m venv ─ pip install ─▶ test/e2e/python/send.py ─▶ 4317, 4318
//
// Skipped, with a line, where Python is missing or its packages cannot be had.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Attributes, type ExpectedSpan, PLAIN } from "./expected-span.ts";
import { uniqueStartNs } from "./otel-spans.ts";
import { checkReadBack } from "./read-back.ts";
import { runProgram, whyMissing } from "./run-program.ts";
import { useSpoor } from "./running-spoor.ts";

const folder = join(import.meta.dirname, "python");

const INSTALL_MS_MAX = 180_000;
const SEND_MS_MAX = 60_000;

const spoor = useSpoor();
let scratch = "";
let missing: string | undefined;

before(async () => {
  missing = await whyMissing("python3", "--version");
  if (missing !== undefined) return;
  scratch = await mkdtemp(join(tmpdir(), "spoor-python-"));
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

const MAX = 2n ** 63n - 1n;

/** As send.py makes them. */
function expect(service: string, traceId: string, startNs: bigint): ExpectedSpan[] {
  const common = {
    ...PLAIN,
    service,
    resource: [
      ["process.pid", 4711n],
      ["host.name", "höst"],
    ] satisfies Attributes,
    scope: { name: "e2e/python", version: "1.2.3", schema: "" },
    scopeAttributes: [["scope.key", "ключ"]] satisfies Attributes,
    traceId,
  };
  const root: ExpectedSpan = {
    ...common,
    spanId: "1".padStart(16, "0"),
    name: "GET /κόσμε",
    kind: "server",
    startNs,
    durationNs: 99_999_999n,
    status: "ERROR",
    statusText: "échec",
    flags: 0x100, // without W3C's own,
    attributes: [
      ["text", "naïve 日本語 🦀"],
      ["text.empty", ""],
      ["yes", true],
      ["no", false],
      ["int.max", MAX],
      ["int.min", -MAX - 1n],
      ["double", -0.1],
      ["list.text", ["a", "ü"]],
      ["list.int", [1n, -2n, 2n ** 53n + 1n]],
      ["list.double", [0.5, -1.25]],
      ["list.bool", [true, false]],
    ],
    events: [
      {
        timeNs: startNs + 1_000_001n,
        name: "read",
        attributes: [
          ["bytes", 512n],
          ["is.last", false],
        ],
        dropped: 0,
      },
    ],
  };
  const children = (["internal", "client", "producer", "consumer"] as const).map(
    (kind, at): ExpectedSpan => ({
      ...common,
      spanId: String(at + 2).padStart(16, "0"),
      parentSpanId: root.spanId,
      name: kind,
      kind,
      startNs: startNs + 10_000_000n * BigInt(at + 1),
      durationNs: 1_000_001n * BigInt(at),
      status: "OK",
      flags: 0x100, // without W3C's own,
      links: [
        {
          traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
          spanId: "00f067aa0ba902b7",
          traceState: "", // not sent
          flags: 0x300,
          attributes: [["n", BigInt(at)]],
          dropped: 0,
        },
      ],
    }),
  );
  return [root, ...children];
}

for (const [protocol, door, path] of [
  ["grpc", "otlpGrpc", ""],
  ["http", "otlpHttp", "/v1/traces"],
] as const) {
  test(`Python, OpenTelemetry SDK over ${protocol}: every field comes back`, async (t) => {
    if (missing !== undefined) {
      t.skip(`needs Python: ${missing}`);
      return;
    }
    const service = `python-${protocol}`;
    const traceId = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("hex");
    const startNs = uniqueStartNs(789n);
    const args = [protocol, spoor().url(door, path), service, traceId, String(startNs)];
    await runProgram(join(scratch, "bin/python"), [join(folder, "send.py"), ...args], {
      msMax: SEND_MS_MAX,
    });
    await checkReadBack(spoor(), expect(service, traceId, startNs));
  });
}
