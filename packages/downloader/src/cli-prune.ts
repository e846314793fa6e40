import { flag } from '@mirror/core/cli';
import type { FlagValues } from '@mirror/core/cli';
import { downloadFlags } from './cli-flags.ts';
import { parsePercent } from './cli-percent.ts';

const pruning = 'Pruning:';
const { out, layout } = downloadFlags;

/** The flags of `prune`. There are none of selection: a file that is not selected is not gone. */
export const pruneFlags = {
  'index-dir': {
    ...downloadFlags['index-dir'],
    describe: 'a checkout of the crates.io index, whole: what it does not have is gone',
  },
  out,
  layout,
  policy: flag.choice({
    group: pruning,
    describe: 'tell of files that are gone upstream, or move them to .mirror/quarantine, or delete them',
    choices: ['keep', 'quarantine', 'delete'],
    default: 'keep',
  }),
  'max-share': flag.parsed({
    group: pruning,
    value: 'PERCENT',
    describe: 'touch nothing when a larger share of the crate files would go: then it is the index that is wrong',
    default: '5%',
    parse: parsePercent,
  }),
  'dry-run': flag.boolean({ group: pruning, describe: 'say what would be done, and do nothing' }),
};

/** The values of `prune`. */
export type PruneValues = FlagValues<typeof pruneFlags>;
