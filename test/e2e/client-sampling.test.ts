// What the client polls, at real processes: an all-in-one that knows a file or learns from the traffic, and
// an agent before it.
//
//   RemoteSampler ─▶ agent ─▶ collector         RemoteSampler ─▶ collector         both obey the same

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { RemoteBaggageRestrictions } from "../../src/client/baggage-restrictions.ts";
import { makeClientMetrics } from "../../src/client/client-metrics.ts";
import { RemoteSampler } from "../../src/client/samplers/remote-sampler.ts";
import { type AgentProcess, startAgent } from "../agent-process.ts";
import { makeCountedMetrics } from "../counted-metrics.ts";
import { type RunningSpoor, openSpoor, waitFor } from "./running-spoor.ts";
import { sendRoot } from "./sampled-root.ts";

const STRATEGIES = {
  default_strategy: { type: "probabilistic", param: 0 },
  service_strategies: [
    { service: "limited", type: "ratelimiting", param: 7 },
    { service: "half", type: "probabilistic", param: 0.5 },
    {
      service: "a & b/ü",
      type: "probabilistic",
      param: 0,
      operation_strategies: [
        { operation: "/all", type: "probabilistic", param: 1 },
        { operation: "__proto__", type: "probabilistic", param: 1 },
      ],
    },
  ],
};

let folder = "";
let path = "";
let spoor: RunningSpoor;
let agent: AgentProcess;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "spoor-client-"));
  path = join(folder, "strategies.json");
  await writeFile(path, JSON.stringify(STRATEGIES));
  spoor = await openSpoor(
    `--sampling.strategies-file=${path}`,
    "--sampling.strategies-reload-interval=20ms",
  );
  agent = await startAgent([`--reporter.grpc.host-port=${spoor.address("jaegerGrpc")}`]);
});
after(async () => {
  await agent.end();
  assert.deepEqual(await spoor.process.close(), { code: 0, signal: null });
  await rm(folder, { recursive: true });
});

/** Every way of asking: the agent, the agents' path at the collector, the collector's own door. */
const places = {
  "the agent": () => ({ hostPort: `127.0.0.1:${agent.port("sampling")}` }),
  "5778 of the all-in-one": () => ({ hostPort: spoor.address("samplingHttp") }),
  "14268 of the collector": () => ({ endpoint: spoor.url("jaegerHttp", "/api/sampling") }),
  "the type as a number": () => ({ hostPort: spoor.address("samplingHttp"), samplingPath: "/" }),
};

function openSampler(service: string, place: object) {
  const { factory, figures } = makeCountedMetrics();
  const metrics = makeClientMetrics(factory);
  return {
    figures,
    sampler: new RemoteSampler(service, { ...place, refreshInterval: 0, metrics }),
  };
}

for (const [name, place] of Object.entries(places)) {
  test(`RemoteSampler obeys ${name}`, async () => {
    const expected: readonly (readonly [service: string, sampler: string])[] = [
      ["limited", "RateLimitingSampler(maxTracesPerSecond=7)"],
      ["half", "ProbabilisticSampler(samplingRate=0.5)"],
      ["nobody", "ProbabilisticSampler(samplingRate=0)"],
      ["a & b/ü", "PerOperationSampler(maxOperations=2000)"],
    ];
    for (const [service, text] of expected) {
      const { sampler, figures } = openSampler(service, place());
      await sampler.refresh();
      assert.equal(sampler.sampler.toString(), text);
      assert.equal(figures["jaeger:sampler_queries{result=ok}"], 1);
      if (text.startsWith("PerOperation")) {
        const asked = ["/all", "__proto__", "/none"].map((one) => sampler.isSampled(one, {}));
        assert.deepEqual(asked, [true, true, false]);
      }
      sampler.close();
    }
  });
}

test("RemoteSampler follows a file that changes, without being asked to", async (t) => {
  const place = places["the agent"]();
  const sampler = new RemoteSampler("half", { ...place, refreshInterval: 20 });
  t.after(() => sampler.close());
  await waitFor("the first answer", () =>
    Promise.resolve(sampler.sampler.toString().includes("0.5") ? true : undefined),
  );
  const { sampler: first } = sampler;
  const changed = {
    ...STRATEGIES,
    service_strategies: [{ service: "half", type: "probabilistic", param: 0.25 }],
  };
  await writeFile(path, JSON.stringify(changed));
  await waitFor("the changed answer", () =>
    Promise.resolve(sampler.sampler.toString().includes("0.25") ? true : undefined),
  );
  assert.equal(sampler.sampler, first);
  await writeFile(path, JSON.stringify(STRATEGIES));
});

test("RemoteSampler keeps its sampler when whoever it asks is gone", async (t) => {
  const first = await openSpoor(`--sampling.strategies-file=${path}`);
  t.after(() => first.process.close());
  const hostPort = first.address("samplingHttp");
  const { sampler, figures } = openSampler("limited", { hostPort });
  await sampler.refresh();
  await first.process.close();
  await sampler.refresh();
  assert.equal(figures["jaeger:sampler_queries{result=err}"], 1);
  assert.equal(sampler.sampler.toString(), "RateLimitingSampler(maxTracesPerSecond=7)");
  sampler.close();
});

test("RemoteSampler and adaptive sampling find the rate of an operation together", async (t) => {
  const adaptive = await openSpoor(
    "--sampling.config-type=adaptive",
    "--sampling.calculation-interval=100ms",
    "--sampling.delay=0s",
    "--sampling.target-samples-per-second=1000",
    "--sampling.initial-sampling-probability=0.25",
    "--sampling.aggregation-buckets=1000",
  );
  t.after(() => adaptive.process.close());
  const place = { hostPort: adaptive.address("samplingHttp") };
  const { sampler } = openSampler("learner", place);
  const rateOf = (operation: string): unknown => {
    for (let draw = 0; draw < 1_000; draw++) {
      const tags: Record<string, unknown> = {};
      if (sampler.isSampled(operation, tags) && tags["sampler.type"] === "probabilistic") {
        return tags["sampler.param"];
      }
    }
    throw new Error("nothing is sampled");
  };
  await sampler.refresh();
  assert.equal(rateOf("learn"), 0.25);
  // Each round tells what it was told, so that the collector sees itself obeyed; far below the target, the
  // rate doubles until it is 1.
  const rates: unknown[] = [];
  await waitFor("a rate of 1", async () => {
    const rate = rateOf("learn");
    if (rates.at(-1) !== rate) rates.push(rate);
    await sendRoot(adaptive, "learn", Number(rate));
    await sampler.refresh();
    return rate === 1 ? true : undefined;
  });
  assert.deepEqual(rates, [0.25, 0.5, 1]);
  assert.equal(rateOf("new"), 0.25);
  sampler.close();
});

for (const deny of [false, true]) {
  test(`RemoteBaggageRestrictions ${deny ? "forbids" : "allows"} all where nobody serves them`, async () => {
    const { factory, figures } = makeCountedMetrics();
    for (const place of [places["the agent"](), places["5778 of the all-in-one"]()]) {
      const restrictions = new RemoteBaggageRestrictions("shop", {
        ...place,
        refreshInterval: 0,
        metrics: makeClientMetrics(factory),
        denyBaggageOnInitializationFailure: deny,
      });
      await restrictions.refresh();
      assert.equal(restrictions.getRestriction("shop", "user").keyAllowed, !deny);
      restrictions.close();
    }
    assert.deepEqual(figures, { "jaeger:baggage_restrictions_updates{result=err}": 2 });
  });
}
