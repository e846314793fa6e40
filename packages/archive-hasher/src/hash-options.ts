import type { SigningKey } from '@mirror/core/evidence';
import type { Log } from '@mirror/core/log';
import type { Algorithm, EngineChoice } from './algorithms.ts';
import type { HashedFile } from './hash-file.ts';
import type { SymlinkPolicy } from './inventory.ts';
import type { ArchiveKind } from './pack-archive.ts';
import type { ProblemReason } from './problem.ts';

/** What becomes of a kind of problem: in the report and counted as a failure, left out and counted, or the end of the run. */
export type ProblemPolicy = 'report' | 'skip' | 'fail';

/** What to hash, and what to make of it. */
export interface HashArchiveOptions {
  readonly dir: string;
  /** Where the outputs go; made when it is not there. It may lie inside `dir`. Default the working directory. */
  readonly outDir?: string | undefined;
  /** What the names of the outputs begin with; default the name of `dir`. */
  readonly outPrefix?: string | undefined;
  /** Whether earlier evidence of the same name is lost when the new one is whole; default false: then it is an error. */
  readonly replace?: boolean | undefined;
  /** Files that must be in no report and no archive, whatever links lead to them: private keys. They must exist. */
  readonly secrets?: readonly string[] | undefined;
  /** Default all. */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /** Default `zip`. */
  readonly archive?: ArchiveKind | 'none' | undefined;
  /** Signs the report; without it the report is not signed. */
  readonly signingKey?: SigningKey | undefined;
  /** The inventory date; default now. With a fixed one the same tree gives the same report. */
  readonly date?: Date | undefined;
  /** Names of algorithms whose listing is written too, for their stock programs; default sha256 where it is among the algorithms. */
  readonly listings?: readonly string[] | undefined;
  /** Patterns of what is left out besides the state of the mirror tools: see left-out.ts. The report names them. */
  readonly exclude?: readonly string[] | undefined;
  /** Default `record`. */
  readonly symlinks?: SymlinkPolicy | undefined;
  /** Policy by the reason of a problem; default `report` for all. */
  readonly policies?: Partial<Readonly<Record<ProblemReason, ProblemPolicy>>> | undefined;
  /** How often a file that changes while it is read is read again; default 2. */
  readonly retries?: number | undefined;
  /** Threads; default one for each core. */
  readonly workers?: number | undefined;
  /** Default `fastest`. */
  readonly engine?: EngineChoice | undefined;
  readonly log?: Log | undefined;
  /** Ends the run: it leaves no outputs, and those of an earlier run as they were. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each file that was hashed, in path order. */
  readonly onHashed?: ((file: HashedFile) => void) | undefined;
  /** Told when more files are done, many at a time. */
  readonly onProgress?: (() => void) | undefined;
  /** Told when a phase begins; `read` can then be asked at any time. What is there is counted when it is asked first. */
  readonly onPhase?: ((phase: 'hashing' | 'packing', read: () => HashProgress) => void) | undefined;
}

/** How far a run is. */
export interface HashProgress {
  /** Files hashed; when packing, files packed. */
  readonly done: number;
  readonly total: number;
  readonly bytes: number;
  readonly failed: number;
}
