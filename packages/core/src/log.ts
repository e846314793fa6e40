/** A log: a constant message plus fields, so that text and JSON come from one call. */
export interface Log {
  /** Per item. */
  debug(message: string, fields?: object): void;
  /** Milestones and progress. */
  info(message: string, fields?: object): void;
  /** An item was skipped or given up; the run goes on. */
  warn(message: string, fields?: object): void;
  /** The run fails. */
  error(message: string, fields?: object): void;
}

/** A log that says nothing: the default of library functions. */
export const silentLog: Log = { debug: silence, info: silence, warn: silence, error: silence };

function silence(): void {
  // says nothing
}
