import {
  createSelection,
  findInIndex,
  judgeSelection,
  parseCratePatterns,
  selectionCounts,
  worseFailure,
} from '@mirror/core';
import type { SelectionCounts, SelectionFailure, SelectionOptions } from '@mirror/core';
import { readSelection } from '@mirror/core/cli';
import type { CommandContext } from '@mirror/core/cli';
import { MirrorError } from '@mirror/core/errors';
import type { SyncValues } from './cli-flags.ts';

/** What the selection flags choose, and which index files the sparse protocol has to ask for. */
export interface ChosenCrates {
  readonly options: SelectionOptions;
  /** For the sparse protocol: the crates that are named. */
  readonly names: readonly string[];
}

/**
 * Read the selection flags, before the first request.
 *
 * @throws {MirrorError} ERR_USAGE for a pattern that is none, and for one that the protocol cannot answer
 */
export async function chooseCrates(values: SyncValues, { log }: CommandContext): Promise<ChosenCrates> {
  const options = await readSelection(values, (packages) => {
    log.warn('packages of a Cargo.lock that are not from crates.io are left out', { packages });
  });
  const { names } = createSelection(options);
  if (values.protocol === 'sparse') refuseGlobs(options);
  return { options, names: names ?? [] };
}

/** The sparse protocol has a file for each crate, and no list of them. */
function refuseGlobs({ crates = [] }: SelectionOptions): void {
  const glob = parseCratePatterns(crates).all.find(({ exactName }) => exactName === undefined);
  if (glob === undefined) return;
  throw new MirrorError('ERR_USAGE', `--crates ${glob.source}: the sparse protocol has no list of all crates`, {
    hint: 'name the crates, or take the whole index with --protocol git',
  });
}

/** What the selection met in the index that was just brought up to date. */
export interface JudgedIndex {
  readonly counts: SelectionCounts;
  /** The worse of what the selection says and another failure. */
  worse(other: SelectionFailure | undefined): SelectionFailure | undefined;
}

/** Compare what was asked for with the index, and tell what it does not have. */
export async function judgeIndex(
  indexDir: string,
  { options }: ChosenCrates,
  { log, signal }: CommandContext,
): Promise<JudgedIndex> {
  const findings = await findInIndex(indexDir, options, { signal });
  const failure = judgeSelection(findings, { indexDir, log });
  return { counts: selectionCounts(findings), worse: (other) => worseFailure(failure, other) };
}
