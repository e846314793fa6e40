import { parseCratePatterns } from '@mirror/core';
import type { CommandContext } from '@mirror/core/cli';
import { MirrorError } from '@mirror/core/errors';
import type { SyncValues } from './cli-flags.ts';
import type { ReplacedNote } from './replaced-versions.ts';
import type { ReplacedVersion } from './sync-state.ts';

const VERSIONS_TOLD = 20;

/** How many versions are held back from the downloader one by one. */
const VERSIONS_HELD_BACK = 1000;

/**
 * A registry only appends: another checksum for a version that is out is the sign of tampering, told in each run until it is accepted.
 *
 * @returns how many there are
 */
export function judgeReplaced(
  note: ReplacedNote,
  { acceptReplaced }: Pick<SyncValues, 'acceptReplaced'>,
  { log }: Pick<CommandContext, 'log'>,
): number {
  if (acceptReplaced) note.writeReplaced([]);
  const versions = note.replaced();
  for (const { name, vers, previous_cksum, cksum } of versions.slice(0, VERSIONS_TOLD))
    log.error('upstream has changed the checksum of a version', { name, vers, before: previous_cksum, now: cksum });
  if (versions.length > VERSIONS_TOLD)
    log.error('there are more such versions', { count: versions.length - VERSIONS_TOLD });
  return versions.length;
}

/**
 * What keeps the downloader from such versions, so that the files that the mirror has of them stay as they are.
 *
 * @throws {MirrorError} ERR_INTEGRITY when there are too many to name
 */
export function heldBack(versions: readonly ReplacedVersion[]): string[] {
  if (versions.length > VERSIONS_HELD_BACK)
    throw new MirrorError(
      'ERR_INTEGRITY',
      `upstream has changed the checksums of ${String(versions.length)} versions; the downloader was not run`,
      { hint: 'check upstream; if that is right, use --accept-replaced' },
    );
  return versions.map(({ name, vers }) => `--exclude=${patternOf(name, vers)}`);
}

// a version that no requirement can name holds back its crate
function patternOf(name: string, vers: string): string {
  const pattern = `${name}@=${vers}`;
  try {
    parseCratePatterns([pattern]);
    return pattern;
  } catch {
    return name;
  }
}
