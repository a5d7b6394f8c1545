// `spoor verify DIR [--repair]`: checks a data directory that no process has open, and says what it found.
//
//   standard output   what was checked, each problem, what is lost, what was done
//   standard error    progress, if it is a terminal
//   exit code         0: nothing was wrong; 1: something was, also if it is mended now
//
// Not here: checking (store/segment/verify-directory.ts).

import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { parseSettings } from "../base/parse-settings.ts";
import { type Settings, setting } from "../base/settings.ts";
import type { Shell } from "./run-command.ts";
import type { VerifyReport } from "../store/segment/verify-directory.ts";
import type { Problem } from "../store/segment/verify-segment.ts";
import { nameWords, splitWords } from "./command-words.ts";
import { Progress, type Terminal, printCount, printSize } from "./progress.ts";

export const verifySettings = {
  repair: setting("bool", false, {
    help:
      "Moves damaged files to the folder aside, keeps what is whole of them, and writes a manifest " +
      "that a start can go on with. Nothing is deleted.",
  }),
} satisfies Settings;

/** @returns the exit code. @throws SpoorError if the directory is in use, or is none. */
export async function runVerify({ process }: Shell, argv: readonly string[]): Promise<number> {
  const { words, flags } = splitWords(argv, verifySettings);
  const [directory = ""] = nameWords("verify", words, ["DIR"]);
  const { config } = parseSettings({
    table: verifySettings,
    command: "verify",
    argv: flags,
    env: {},
  });
  const { diskFiles } = await import("../store/disk/files.ts");
  const { countShards, shardFolder } = await import("../store/segment/shard-folders.ts");
  const shards = await countShards(diskFiles, directory);
  let code = 0;
  for (let shard = 0; shard < shards; shard++) {
    const folder = shardFolder(directory, shard);
    if (shards > 1) process.stdout.write(`${folder}:\n`);
    const report = await verifyOne(folder, config.repair, process.stderr);
    process.stdout.write(printReport(report, directory, config.repair));
    if (report.problems.length > 0) code = 1;
  }
  return code;
}

/** One data directory: each shard has its own. */
async function verifyOne(
  directory: string,
  repair: boolean,
  terminal: Terminal,
): Promise<VerifyReport> {
  const [{ diskFiles }, { verifyDirectory }, { makeReadReceived }, { formatOfCode }] =
    await Promise.all([
      import("../store/disk/files.ts"),
      import("../store/segment/verify-directory.ts"),
      import("../collector/readers.ts"),
      import("../store/received.ts"),
    ]);
  const lock = await lockIfUsed(directory);
  const progress = new Progress(terminal, systemClock);
  const read = makeReadReceived(new Map());
  try {
    return await verifyDirectory({
      files: diskFiles,
      directory,
      repair,
      countSpans: (code, payload) => {
        const format = formatOfCode(code);
        return format === undefined ? 0 : read(format, payload).rows;
      },
      onProgress: ({ file, bytes, bytesTotal }) => {
        const part = bytesTotal === 0 ? 100 : Math.floor((100 * bytes) / bytesTotal);
        progress.show(() => `${part} % of ${printSize(bytesTotal)}: ${file}`);
      },
    });
  } finally {
    progress.clear();
    lock?.release();
  }
}

/** A directory that never was opened by a Spoor, as a backup, has no lock file and gets none. */
async function lockIfUsed(directory: string): Promise<{ release(): void } | undefined> {
  const { existsSync } = await import("node:fs");
  if (!existsSync(join(directory, "LOCK"))) return undefined;
  const { lockDirectory } = await import("../store/segment/directory-lock.ts");
  return lockDirectory(directory);
}

export function printReport(report: VerifyReport, directory: string, repair: boolean): string {
  const { checked, problems, notes, repairs, lostSpans } = report;
  const { files, blocks, spans, archived, records, recordSpans, bytes } = checked;
  const lines = [
    `checked ${printSize(bytes)}: ` +
      `${printCount(files, "file")} with ${printCount(blocks, "block")} and ${printCount(spans, "span")}` +
      `${archived === 0 ? "" : `, ${printCount(archived, "kept trace")}`}, ` +
      `${printCount(records, "record")} of the log with ${printCount(recordSpans, "more span")}`,
    ...problems.map((problem) => `wrong: ${printProblem(problem)}`),
    ...notes.map((note) => `note: ${note}`),
    ...repairs.map((done) => `repaired: ${done}`),
  ];
  if (problems.length === 0) lines.push("nothing is wrong");
  else {
    const lost =
      lostSpans === 0 ? "no span is known to be lost" : `at least ${lostSpans} spans are lost`;
    lines.push(`${printCount(problems.length, "problem")}; ${lost}`);
    if (!repair) lines.push(`to mend what can be mended: spoor verify ${directory} --repair`);
  }
  return `${lines.join("\n")}\n`;
}

function printProblem({ file, what, offset, section, lostSpans }: Problem): string {
  const where = [
    ...(offset === undefined ? [] : [`offset ${offset}`]),
    ...(section === undefined ? [] : [`section ${section}`]),
    ...(lostSpans === undefined ? [] : [`${printCount(lostSpans, "span")} lost`]),
  ];
  return `${file}: ${what}${where.length === 0 ? "" : ` (${where.join(", ")})`}`;
}
