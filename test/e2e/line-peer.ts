// A program of another implementation that serves gRPC: its first line is its port, its last what it has to say.
//
//   spawn ─▶ "50051" ─▶ calls ─▶ end of its stdin ─▶ one line of JSON ─▶ exit

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";

export interface LinePeer {
  readonly port: number;
  /** Ends it; the JSON that it has to say. */
  end(): Promise<unknown>;
}

export async function startLinePeer(
  t: TestContext,
  program: string,
  args: readonly string[],
): Promise<LinePeer> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  return {
    port: Number(first.value),
    end: async () => {
      const ended = once(child, "exit");
      child.stdin.end();
      const said = await lines.next();
      await ended;
      return JSON.parse(String(said.value)) as unknown;
    },
  };
}
