import { availableParallelism } from 'node:os';
import { flag, selectionFlags } from '@mirror/core/cli';
import type { FlagValues } from '@mirror/core/cli';
import { verifyBundleFlags } from './cli-bundle.ts';
import { downloadFlags, fetchingFlags, inputFlags } from './cli-flags.ts';
import { manifestFlag } from './cli-mirror-place.ts';
import { parsePercent } from './cli-percent.ts';

/** As many as the processor has, few enough not to make a disk jump about. */
const threads = String(Math.min(4, availableParallelism()));

const checking = 'Checking:';
const { out, layout, fsync } = downloadFlags;

/** The flags of `verify`. */
export const verifyFlags = {
  ...inputFlags,
  ...selectionFlags,
  out,
  layout,
  ...verifyBundleFlags,
  sample: flag.parsed({
    group: checking,
    value: 'PERCENT',
    describe: 'check only a random share of the versions, such as 1%',
    default: '100%',
    parse: parsePercent,
  }),
  seed: flag.string({
    group: checking,
    describe:
      'chooses the versions of a sample; the same seed, the same ones (default a new one, which the summary tells)',
  }),
  since: flag.string({
    group: checking,
    value: 'TIME',
    describe: 'read only files that changed since: an age (7d) or a date',
  }),
  threads: flag.number({
    group: checking,
    describe: 'threads that read and hash',
    defaultText: 'one for each processor, at most 4',
    default: threads,
    min: 1,
  }),
  repair: flag.boolean({
    group: checking,
    describe: 'download what is missing or corrupt and remove what is unfinished',
  }),
  manifest: manifestFlag(
    'Output:',
    'records of downloads: they say what upstream does not have; a repair adds what it does',
  ),
  fsync,
  ...fetchingFlags,
};

/** The values of `verify`. */
export type VerifyValues = FlagValues<typeof verifyFlags>;
