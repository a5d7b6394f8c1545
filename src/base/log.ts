// What the rooms see of the log: four levels and fields. The writer is in cli/log.ts.

export type LogFields = Readonly<Record<string, string | number | boolean>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** A log that keeps nothing: for tests and for embedding. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
