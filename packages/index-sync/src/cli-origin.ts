import type { SyncValues } from './cli-flags.ts';
import { chooseOrigin, originOf } from './git/origin.ts';
import { sparseOriginOf } from './sparse-origin.ts';

const GIT_INDEX = 'https://github.com/rust-lang/crates.io-index.git';
const SPARSE_INDEX = 'https://index.crates.io/';

/**
 * The address of the index in `dir`, with credentials if it was given some: its own origin, that of a new one, or crates.io.
 *
 * @throws {MirrorError} ERR_USAGE when another origin than its own is given, and not confirmed
 */
export function originFor({ protocol, indexUrl, changeOrigin }: SyncValues, dir: string): string {
  const isGit = protocol === 'git';
  // what the index says of itself is not asked where it is to be another
  const mayChange = indexUrl !== undefined && changeOrigin;
  const present = mayChange ? undefined : isGit ? originOf(dir) : sparseOriginOf(dir);
  return chooseOrigin({ dir, given: indexUrl, present, usual: isGit ? GIT_INDEX : SPARSE_INDEX, mayChange });
}
