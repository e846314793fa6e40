import type {
  CrateId,
  FramePackerOptions,
  Layout,
  PackedFiles,
  SelectionFindings,
  SelectionOptions,
  SharedEntries,
} from '@mirror/core';

/** What a run does with each sidecar: write it, only compare it with what is there, or pack it. */
export type Mode = 'write' | 'check' | 'pack';

/** What a worker thread is told once, when it starts. */
export interface WorkerSetup {
  readonly mode: Mode;
  readonly indexDir: string;
  /** The root of the sidecars. */
  readonly out: string;
  readonly layout: Layout;
  readonly cratesBaseUrl: string;
  readonly selection: SelectionOptions;
  /** What the bundles hold; undefined when they hold nothing, and when there are none because sidecars are files. */
  readonly bundled: SharedEntries | undefined;
  /** How it packs. */
  readonly packing: FramePackerOptions | undefined;
  /** Whether it reports which sidecars the index has. */
  readonly tellsKnown: boolean;
  /** The memory of its `ReportWindow`. */
  readonly window: SharedArrayBuffer;
}

/** A piece of work: a few files of the index, worked through in order. */
export interface Job {
  readonly files: readonly JobFile[];
  /** Whether the files have not been seen yet: then they are looked for first. */
  readonly mayBeAbsent: boolean;
}

/** One file of the index. */
export interface JobFile {
  readonly indexPath: string;
  /** Only these versions; undefined means all. */
  readonly versions?: readonly CrateId[] | undefined;
}

/** Numbers of a run. */
export interface Counts {
  /** Index files with at least one version. */
  crates: number;
  /** Versions in the index files that were read. */
  versions: number;
  /** Versions that the selection asks for. */
  selected: number;
  /** Sidecars that were not there. */
  missing: number;
  /** Sidecars that were there with other bytes. */
  stale: number;
  unchanged: number;
  /** Stale ones that differ in nothing but `crate_url`. */
  urlOnly: number;
  /** Sidecars in whose place something else is. */
  blocked: number;
  /** Lines of the index that a later line for the same version overrules. */
  repeated: number;
  /** Lines of the index, or of the list, that are not what they should be. */
  malformed: number;
  /** Bytes of the missing and stale sidecars. */
  bytes: number;
}

/** All of them zero. */
export function noCounts(): Counts {
  return {
    crates: 0,
    versions: 0,
    selected: 0,
    missing: 0,
    stale: 0,
    unchanged: 0,
    urlOnly: 0,
    blocked: 0,
    repeated: 0,
    malformed: 0,
    bytes: 0,
  };
}

/** Add `more` to `counts`. */
export function addCounts(counts: Counts, more: Readonly<Counts>): void {
  for (const key of Object.keys(counts) as (keyof Counts)[]) counts[key] += more[key];
}

/** A sidecar that is missing or stale. */
export interface Finding {
  readonly problem: 'missing' | 'stale';
  readonly path: string;
  readonly name: string;
  readonly vers: string;
}

/** What a worker has found since its last report. */
export interface Report {
  readonly counts: Counts;
  /** Lines that are not what they should be; each message begins with file and line. */
  readonly problems: string[];
  /** Lines that a later one overrules, told in the same way. */
  readonly repeated: string[];
  readonly findings: Finding[];
  /** Why sidecars could not be written. */
  readonly blocked: string[];
  /** Fingerprints of the sidecars that the index has, as pairs of 32-bit numbers. */
  readonly known: number[];
  /** Index files with bad lines: what they do not say may well be there. */
  readonly doubtful: string[];
  /** Versions that were asked for by name and are not in the index. */
  readonly gone: CrateId[];
  /** Sidecars for the bundles. */
  readonly packed: readonly PackedFiles[];
}

/** A report that says nothing. */
export function emptyReport(): Report {
  return {
    counts: noCounts(),
    problems: [],
    repeated: [],
    findings: [],
    blocked: [],
    known: [],
    doubtful: [],
    gone: [],
    packed: [],
  };
}

/** What a worker says. */
export type WorkerMessage =
  | { readonly type: 'report'; readonly report: Report }
  | {
      readonly type: 'done';
      readonly report: Report;
      readonly isLimitReached: boolean;
      readonly findings: SelectionFindings;
    }
  | {
      readonly type: 'failed';
      readonly code: string | undefined;
      readonly message: string;
      readonly hint: string | undefined;
      readonly stack: string | undefined;
    };
