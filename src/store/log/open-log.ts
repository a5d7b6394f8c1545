// Opens a log: reads back what is there, mends its end, and goes on behind it.
//
//   readLog ─▶ every record to the caller ─▶ torn end cut off, empty and spare files removed ─▶ LogWriter
//
// After a start the last file is complete: new records go to a file of their own, so that a file is
// written by one process only.

import { join } from "node:path";
import { type LogOptions, LogWriter } from "./log-writer.ts";
import { type LogFindings, type OnRecord, isSpareFileName, readLog } from "./read-log.ts";
import { FILE_HEADER_BYTES } from "./record.ts";

/**
 * @returns the writer, and what was found. Memory: one file at a time.
 * @throws what the disk throws if the directory cannot be read or made.
 */
export async function openLog(
  options: LogOptions,
  onRecord: OnRecord,
): Promise<{ readonly log: LogWriter; readonly findings: LogFindings }> {
  const { directory, files } = options;
  await files.makeDirectory(directory);
  const findings = await readLog(directory, files, onRecord);
  if (findings.tornBytes > 0) await cutTornEnd(options, findings);
  const kept = findings.files.filter((file) => file.bytes > FILE_HEADER_BYTES);
  for (const file of findings.files) {
    if (!kept.includes(file)) await files.remove(join(directory, file.name));
  }
  for (const name of await files.list(directory)) {
    if (isSpareFileName(name)) await files.remove(join(directory, name));
  }
  const lastSequence = Math.max(findings.lastSequence, options.lastSequence ?? 0);
  return { log: new LogWriter(options, kept, lastSequence), findings };
}

async function cutTornEnd({ directory, files }: LogOptions, findings: LogFindings): Promise<void> {
  const last = findings.files.at(-1)!;
  const handle = await files.open(join(directory, last.name));
  try {
    await files.truncate(handle, last.bytes);
    await files.sync(handle);
  } finally {
    await files.close(handle);
  }
}
