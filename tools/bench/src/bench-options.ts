/** What every measurement is told. */
export interface BenchOptions {
  /** Runs of each contender; the table has their medians. */
  readonly runs: number;
  /** The contenders to run; empty for all. */
  readonly only: readonly string[];
  /** Where the scratch folder is made; default the memory file system. */
  readonly out: string | undefined;
  /** The longest that one run may take, in milliseconds. */
  readonly limitMs: number;
  readonly say: (text: string) => void;
}
