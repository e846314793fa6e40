import { flag, selectionFlags } from '@mirror/core/cli';
import type { FlagValues } from '@mirror/core/cli';
import { layoutFlag } from './cli-mirror-place.ts';

const group = 'Set:';

/** The flags of `export`. */
export const exportFlags = {
  to: flag.string({ group, value: 'DIR', describe: 'where the set goes: an empty folder, made if it is not there' }),
  since: flag.string({
    group,
    value: 'SET',
    describe: 'only what the receiver of an earlier set lacks: "last", the id of the set, or its folder',
  }),
  'media-size': flag.size({
    group,
    describe: 'spread the set over folders part-01, … of at most this size, such as 25GB',
  }),
  'bundle-size-gb': flag.size({
    group,
    describe: 'uncompressed size of a bundle at most; a bare number counts GiB',
    default: '8',
    bareUnit: 'GiB',
  }),
  'bundle-level': flag.number({ group, describe: 'zstd level, 1 to 19', default: '3', min: 1 }),
  'index-dir': flag.string({ group, value: 'DIR', describe: 'the index that the mirror was made from' }),
  out: flag.string({ group, value: 'DIR', describe: 'directory of the mirror', default: 'out' }),
  layout: layoutFlag(group),
  'bundles-out': flag.string({
    group,
    value: 'DIR',
    describe: 'bundles that hold what the mirror does not have loose',
    default: 'bundles',
  }),
  'crates-base-url': flag.string({
    group,
    value: 'URL',
    describe: 'for the records (default https://static.crates.io/crates)',
  }),
  ...selectionFlags,
};

/** Their values. */
export type ExportValues = FlagValues<typeof exportFlags>;
