import { flag } from '@mirror/core/cli';
import type { FlagValues } from '@mirror/core/cli';
import { manifestFlag } from './cli-mirror-place.ts';

const group = 'Set:';

/** The flags of `import`. */
export const importFlags = {
  out: flag.string({ group, value: 'DIR', describe: 'directory of the mirror', default: 'out' }),
  'index-dir': flag.string({
    group,
    value: 'DIR',
    describe: 'the copy of the index that goes with the mirror',
    default: 'index',
  }),
  manifest: manifestFlag(group, 'JSON lines that record each version and serve as journal'),
  check: flag.boolean({ group, describe: 'check the set and its base, and write nothing' }),
  fsync: flag.choice({
    group,
    describe: 'flush each file to the device before it gets its name',
    choices: ['none', 'file'],
    default: 'none',
  }),
  'crates-base-url': flag.string({
    group,
    value: 'URL',
    describe: 'for the records (default https://static.crates.io/crates)',
  }),
};

/** Their values. */
export type ImportValues = FlagValues<typeof importFlags>;
