// One made-up trace: who calls whom, what each does, how long it takes, and what goes wrong.
//
//   http-server ─┬─ sql                             a root and what it does, one after the other
//                ├─ http-client ── http-server …    a call is a span on either side
//                └─ publish ┈┈ consume …            what is published is consumed later
//
// Services call only those with a higher number, as layers do, so that nothing goes round. A parent ends
// after its children, but for what is consumed later.
//
// Not here: ids, names and attributes (write-steps.ts).

export type Flavor =
  | "http-server"
  | "http-client"
  | "grpc-server"
  | "grpc-client"
  | "sql"
  | "cache"
  | "work"
  | "publish"
  | "consume";

/** A span to be. */
export interface Step {
  readonly flavor: Flavor;
  /** Index of the process. */
  readonly service: number;
  /** Which of the flavor's operations: a share of them, 0 ≤ x < 1. */
  readonly pick: number;
  /** Index of the step before it that called it; -1: none. */
  readonly parent: number;
  /** µs from the start of the trace. */
  startUs: number;
  durationUs: number;
  isError: boolean;
}

export interface TracePlan {
  readonly steps: readonly Step[];
  /** From the first start to the last end. */
  readonly durationUs: number;
}

export type Random = () => number;

/** µs of own work, from and to; of a call: on the way. */
const OWN_US: Readonly<Record<Flavor, readonly [from: number, to: number]>> = {
  "http-server": [100, 1_500],
  "grpc-server": [60, 900],
  "http-client": [200, 700],
  "grpc-client": [100, 400],
  sql: [300, 6_000],
  cache: [50, 400],
  work: [20, 2_000],
  publish: [80, 500],
  consume: [200, 3_000],
};
/** One in fifty takes that much longer. */
const SLOW_SHARE = 0.02;
const SLOW_FACTOR = 20;
const CALL_SHARE = 0.5;
/** Of calls. */
const PUBLISH_SHARE = 0.12;
const SQL_SHARE = 0.45;
const CACHE_SHARE = 0.3;
/** Of traces, a failure somewhere in it that is felt up to the root. */
const ERROR_SHARE = 0.05;

/** @param childSpans how many there are beside the root, exactly. */
export function planTrace(services: number, childSpans: number, random: Random): TracePlan {
  const steps: Step[] = [];
  // The lower of two: the services in front get more requests from outside.
  const front = Math.min(pickBelow(services, random), pickBelow(services, random));
  /** Indexes of steps that may do something. */
  const open = [add(steps, front % 2 === 0 ? "http-server" : "grpc-server", front, -1, random)];
  while (steps.length <= childSpans) {
    const parent = open[pickBelow(open.length, random)]!;
    const { service } = steps[parent]!;
    const others = services - 1 - service;
    const left = childSpans + 1 - steps.length;
    if (left >= 2 && others > 0 && random() < CALL_SHARE) {
      const to = service + 1 + pickBelow(others, random);
      const [from, at] = callFlavors(to, random);
      open.push(add(steps, at, to, add(steps, from, service, parent, random), random));
    } else {
      add(steps, leafFlavor(random), service, parent, random);
    }
  }
  if (random() < ERROR_SHARE) fail(steps, pickBelow(steps.length, random));
  return { steps, durationUs: setTimes(steps, random) };
}

function add(
  steps: Step[],
  flavor: Flavor,
  service: number,
  parent: number,
  random: Random,
): number {
  const step = {
    flavor,
    service,
    pick: random(),
    parent,
    startUs: 0,
    durationUs: 0,
    isError: false,
  };
  return steps.push(step) - 1;
}

function callFlavors(to: number, random: Random): readonly [Flavor, Flavor] {
  if (random() < PUBLISH_SHARE) return ["publish", "consume"];
  return to % 2 === 0 ? ["http-client", "http-server"] : ["grpc-client", "grpc-server"];
}

function leafFlavor(random: Random): Flavor {
  const share = random();
  if (share < SQL_SHARE) return "sql";
  return share < SQL_SHARE + CACHE_SHARE ? "cache" : "work";
}

/** A failure is felt by whoever waits for it. */
function fail(steps: readonly Step[], at: number): void {
  for (let index = at; index >= 0; index = steps[index]!.parent) {
    const step = steps[index]!;
    step.isError = true;
    if (step.flavor === "consume") return;
  }
}

/** @returns µs to the last end. */
function setTimes(steps: readonly Step[], random: Random): number {
  const ownUs = steps.map(({ flavor }) => drawOwnUs(flavor, random));
  const childrenUs = steps.map(() => 0);
  for (let index = steps.length - 1; index >= 0; index--) {
    const step = steps[index]!;
    step.durationUs = ownUs[index]! + childrenUs[index]!;
    if (step.parent >= 0 && step.flavor !== "consume") childrenUs[step.parent]! += step.durationUs;
  }
  // Half of the own work comes before what is called, half after it.
  const nextUs = steps.map(() => 0);
  let endUs = 0;
  for (const [index, step] of steps.entries()) {
    const parent = steps[step.parent];
    if (step.flavor === "consume" && parent !== undefined) {
      step.startUs = parent.startUs + parent.durationUs + ownUs[step.parent]!;
    } else if (parent !== undefined) {
      step.startUs = nextUs[step.parent]!;
      nextUs[step.parent]! += step.durationUs;
    }
    nextUs[index] = step.startUs + Math.floor(ownUs[index]! / 2);
    endUs = Math.max(endUs, step.startUs + step.durationUs);
  }
  return endUs;
}

function drawOwnUs(flavor: Flavor, random: Random): number {
  const [from, to] = OWN_US[flavor];
  const us = from + random() * (to - from);
  return Math.floor(random() < SLOW_SHARE ? us * SLOW_FACTOR : us);
}

/** A whole number, 0 ≤ n < end. */
export function pickBelow(end: number, random: Random): number {
  return Math.floor(random() * end);
}
