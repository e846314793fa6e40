/** Where the library tells what happens; a constant message plus fields. */
export interface SyncLog {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
}
