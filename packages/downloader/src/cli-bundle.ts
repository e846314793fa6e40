import { flag } from '@mirror/core/cli';
import type { FlagValues } from '@mirror/core/cli';

const group = 'Bundles:';

/** The flags that have a download fill bundles. */
export const bundleFlags = {
  bundle: flag.boolean({
    group,
    describe: 'put every file into rolling bundles too, also those that are there already',
  }),
  'bundles-out': flag.string({ group, value: 'DIR', describe: 'directory of the bundles', defaultText: 'bundles' }),
  'bundle-size-gb': flag.size({
    group,
    describe: 'a bundle is finished before its uncompressed size would pass this; a bare number counts GiB',
    defaultText: '8',
    bareUnit: 'GiB',
  }),
  'bundle-level': flag.number({ group, describe: 'zstd level, 1 to 19', defaultText: '3', min: 1 }),
  'bundle-only': flag.boolean({
    group,
    describe: 'as --bundle, and remove each loose file once its bundle is durable',
  }),
  deterministic: flag.boolean({
    group,
    describe: 'fill bundles after the download in path order, so that equal mirrors give equal bundles',
  }),
  'bundle-open': flag.boolean({ group, describe: 'leave the last bundle unfinished, for the next run to fill' }),
};

/** The flags that have a plan look into bundles. */
export const planBundleFlags = {
  'bundles-out': bundleFlags['bundles-out'],
  'bundle-only': flag.boolean({ group, describe: 'plan a download with --bundle-only: what a bundle holds is there' }),
};

/** What holds for a bundle when its flags are not given. */
export const BUNDLE_DEFAULTS = { bundlesOut: 'bundles', bundleSizeGb: 8 * 2 ** 30, bundleLevel: 3 } as const;

/** Their values. */
export type BundleValues = FlagValues<typeof bundleFlags>;

/** The flag that has `verify` read bundles too. */
export const verifyBundleFlags = {
  bundles: flag.string({
    group: 'Checking:',
    value: 'DIR',
    describe: 'read the bundles there too, whole; a version that is intact in one need not be loose',
  }),
};
