// Runs programs of other languages: bounded in time, their output as text.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

const OUTPUT_BYTES_MAX = 64 << 20;

export interface RunOptions {
  readonly cwd?: string;
  readonly msMax: number;
}

/** @returns standard output. @throws Error with standard error, or that it took too long. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { cwd, msMax }: RunOptions,
): Promise<string> {
  const where = cwd === undefined ? {} : { cwd };
  const limits = { timeout: msMax, maxBuffer: OUTPUT_BYTES_MAX };
  const { stdout } = await run(program, [...args], { ...where, ...limits });
  return stdout;
}

/** Why a program cannot be run here, or undefined if it can. */
export async function whyMissing(program: string, ...args: string[]): Promise<string | undefined> {
  try {
    await runProgram(program, args, { msMax: 30_000 });
    return undefined;
  } catch (error) {
    const { code } = error as { code?: unknown };
    return code === "ENOENT" ? `${program} is not on the PATH` : `${program} cannot be run here`;
  }
}
