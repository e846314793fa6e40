import type { GitObject } from '@mirror/core/git';
import type { RemoteHead } from './protocol-v2.ts';

/** Names of the ways to fetch from a git server. */
export const ENGINES = ['pack', 'isomorphic', 'system'] as const;
export type EngineName = (typeof ENGINES)[number];

/** What an engine is to bring. */
export interface FetchRequest {
  /** The repository: `.git`, or a bare one. It has at least `objects/pack`, `refs` and `HEAD`. */
  readonly gitDir: string;
  readonly head: RemoteHead;
  /** A commit all of whose objects are here already. */
  readonly have: string | undefined;
  /** Commits at which the history here is cut. */
  readonly shallow: readonly string[];
  /** Reads objects that are here already. */
  readonly findObject: (id: string) => GitObject | undefined;
}

/** What it brought. */
export interface FetchReport {
  /** What is here now: the asked-for commit, or a later one of the branch that the server gave instead. */
  readonly head: RemoteHead;
  /** Names of the packs that are new (`pack-…`). */
  readonly packs: readonly string[];
  readonly objects: number;
  /** Bytes of packs on the wire, or on disk where the engine does not say. */
  readonly bytes: number;
}

/**
 * One way to fetch. An engine adds objects to the repository and nothing else: no ref, no file and no setting changes,
 * so that a run that dies in it has changed nothing that anyone sees.
 */
export interface GitEngine {
  readonly name: EngineName;
  /** Where the branch stands on the server; cheap, for asking often. */
  remoteHead(branch: string | undefined): Promise<RemoteHead>;
  /** Bring the commit `head.commit`, without its history. */
  fetch(request: FetchRequest): Promise<FetchReport>;
}
