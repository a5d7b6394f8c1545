// The bench: starts the server, drives it with a load generator in a process of its own, and prints what it
// takes, what it answers and what is left after a crash, beside what it must reach.
//
//   npm run bench                                   all of it, some eight minutes
//   npm run bench -- --quick                        all of it, each part under a second or two: does it run
//   npm run bench -- --store memory                 another store
//   npm run bench -- --phases doors --doors otlp-grpc --seconds 20
//   npm run bench -- --phases client                what a span costs the application, beside other clients
//   npm run bench -- --phases agent                 the agent alone, by UDP; --agent-flag for flags of its own
//   npm run bench -- --against ../other-checkout    the same there, in turns, and the ratios
//
// Phases: doors, answers, stored, survival, agent, client. Data goes to a directory of its own under --data, which should
// be on a disk: a RAM disk knows no sync. Machines are shared and noisy: compare ratios of one run, not figures
// of two.

import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { AGENT_RATES, type AgentBenchOptions, measureAgent } from "./agent.ts";
import { measureClient } from "./client.ts";
import { measureAnswers, measureDoor, measureStored, type Plan, type Results } from "./phases.ts";
import { printAgent, printClient, printDoor, printStored, printTable } from "./print-results.ts";
import { DOORS } from "./senders.ts";
import { type ServerOptions, type StoreName, withDirectory } from "./server.ts";
import { measureSurvival } from "./survival.ts";

const HOME = join(import.meta.dirname, "..");

/** The door of the phases that need only one. */
const DOOR = "otlp-http";

interface Asked {
  readonly plan: Plan;
  readonly doors: readonly string[];
  readonly phases: ReadonlySet<string>;
  readonly data: string;
  readonly flags: readonly string[];
  readonly agentFlags: readonly string[];
}

async function main(): Promise<void> {
  const { values: args } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      store: { type: "string", default: "segment" },
      phases: { type: "string", default: "doors,answers,stored,survival,agent,client" },
      doors: { type: "string", default: DOORS.map(({ name }) => name).join(",") },
      // Long enough that the compilation of the code, some 3 s of CPU, is a small part.
      seconds: { type: "string", default: "30" },
      connections: { type: "string", default: "8" },
      batch: { type: "string", default: "500" },
      data: { type: "string", default: tmpdir() },
      flag: { type: "string", multiple: true, default: [] },
      "agent-flag": { type: "string", multiple: true, default: [] },
      against: { type: "string" },
      json: { type: "string", default: join(HOME, "bench/results/latest.json") },
    },
  });
  if (args.store !== "segment" && args.store !== "memory") {
    throw new Error(`unknown store ${args.store}: expected segment or memory`);
  }
  const asked: Asked = {
    plan: makePlan(args.quick, Number(args.seconds), Number(args.connections), Number(args.batch)),
    doors: args.doors.split(","),
    phases: new Set(args.phases.split(",")),
    data: args.data,
    flags: args.flag,
    agentFlags: args["agent-flag"],
  };
  const all: Results[] = [HOME, ...(args.against === undefined ? [] : [args.against])].map(
    (folder) => ({ folder, store: args.store as StoreName, doors: [], agent: [], client: [] }),
  );
  await runPhases(asked, all);
  print(printTable(all, !args.quick));
  mkdirSync(join(args.json, ".."), { recursive: true });
  writeFileSync(args.json, `${JSON.stringify(all, undefined, 2)}\n`);
  print(`written: ${args.json}`);
  const { doors, stored, survival, agent } = all[0]!;
  const lost = (survival?.lostSpans ?? 0) + (stored?.restart?.lostSpans ?? 0);
  if (doors.some(({ spansAccepted }) => spansAccepted === 0) || lost > 0) {
    print("a door took no spans, or acknowledged spans are lost");
    process.exitCode = 1;
  }
  if (agent.some(({ unaccounted, arrivedSpans }) => unaccounted !== 0 || arrivedSpans === 0)) {
    print("the agent took no spans, or lost some that it does not count");
    process.exitCode = 1;
  }
}

function makePlan(isQuick: boolean, seconds: number, connections: number, batch: number): Plan {
  const plan = { isQuick, connections, batch, busyRate: 50_000 };
  return isQuick
    ? {
        ...plan,
        seconds: 0.5,
        queries: 5,
        searchedSpans: 100_000,
        startedSpans: 250_000,
        survivalSeconds: 0.5,
        agentSeconds: 0.5,
      }
    : {
        ...plan,
        seconds,
        queries: 200,
        searchedSpans: 2_000_000,
        startedSpans: 5_000_000,
        survivalSeconds: 5,
        agentSeconds: 10,
      };
}

/** Each part for one folder after the other, so that both meet the same machine. */
async function runPhases(asked: Asked, all: readonly Results[]): Promise<void> {
  const { plan, phases } = asked;
  const each = async (run: (one: Results, options: ServerOptions) => Promise<void>) => {
    for (const one of all) {
      await withDirectory(asked.data, (parent) => {
        const { folder, store } = one;
        return run(one, { folder, store, directory: join(parent, "data"), flags: asked.flags });
      });
    }
  };
  for (const door of phases.has("doors") ? asked.doors : []) {
    await each(async (one, options) => {
      const report = await measureDoor(options, door, plan);
      one.doors.push(report);
      print(printDoor(report));
    });
  }
  if (phases.has("answers")) {
    await each(async (one, options) => {
      one.answers = await measureAnswers(options, DOOR, plan);
    });
  }
  if (phases.has("stored")) {
    await each(async (one, options) => {
      one.stored = await measureStored(options, DOOR, plan);
      print(printStored(one.stored));
    });
  }
  if (phases.has("survival")) {
    await each(async (one, options) => {
      if (one.store === "memory") return;
      one.survival = await measureSurvival(options, DOOR, plan.survivalSeconds);
    });
  }
  for (const rate of phases.has("agent") ? AGENT_RATES : []) {
    for (const { folder, agent } of all) {
      const load = { rate, seconds: plan.agentSeconds };
      const options: AgentBenchOptions = { folder, flags: asked.agentFlags, ...load };
      const report = await measureAgent(options);
      agent.push(report);
      print(printAgent(report));
    }
  }
  for (const { folder, client } of phases.has("client") ? all : []) {
    client.push(...(await measureClient({ folder, isQuick: plan.isQuick })));
    print(printClient(client));
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

await main();
