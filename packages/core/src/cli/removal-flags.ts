import { DEFAULT_REMOVAL_LIMIT, parseRemovalLimit } from '../registry/removal-brake.ts';
import type { RemovalLimit } from '../registry/removal-brake.ts';
import { flag } from './flags.ts';
import type { Flag } from './flags.ts';

/** The brakes of every command that follows an upstream, in the heading `group` of its help. */
export function removalFlags(group: string): RemovalFlags {
  return {
    'max-removed': flag.parsed({
      group,
      value: 'LIMIT',
      describe: 'refuse a change that removes more than a share (5%), a count (20), or both (5%,20); off accepts all',
      default: DEFAULT_REMOVAL_LIMIT,
      parse: parseRemovalLimit,
    }),
    'allow-rollback': flag.boolean({ group, describe: 'accept a state that is older than the one here' }),
  };
}

/** The type of the table, so that its values stay typed. */
export type RemovalFlags = {
  readonly 'max-removed': Flag<RemovalLimit>;
  readonly 'allow-rollback': Flag<boolean>;
};
