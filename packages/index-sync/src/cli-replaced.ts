import type { CommandContext } from '@mirror/core/cli';
import type { SyncValues } from './cli-flags.ts';
import type { ReplacedNote } from './replaced-versions.ts';

const VERSIONS_TOLD = 20;

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
