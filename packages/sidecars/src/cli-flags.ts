import { LAYOUTS } from '@mirror/core';
import { flag, removalFlags, selectionFlags } from '@mirror/core/cli';
import type { FlagValues } from '@mirror/core/cli';
import { BUNDLE_LEVEL } from './pack-sidecars.ts';
import { PRUNE_POLICIES } from './remove-sidecars.ts';
import { SIDECAR_DEFAULTS, SIDECAR_FORMATS } from './sidecar-options.ts';

const input = 'Input:';
const output = 'Output:';

/** The flags of `generate`. */
export const generateFlags = {
  'index-dir': flag.string({
    group: input,
    value: 'DIR',
    describe: 'a checkout of the crates.io index, or any directory in its layout',
  }),
  list: flag.string({
    group: input,
    value: 'FILE',
    describe: 'only the versions that these JSON lines {name, vers} or URLs name, such as a change feed; - is stdin',
  }),
  'crates-base-url': flag.string({
    group: input,
    value: 'URL',
    describe: "for crate_url: where crate files are, or a template with cargo's markers (default what the index says)",
  }),
  ...selectionFlags,
  out: flag.string({ group: output, value: 'DIR', describe: 'directory of the sidecars or bundles', default: 'out' }),
  layout: flag.choice({
    group: output,
    describe: 'where files go: s/er/serde-1.0.0.crate.json or se/rd/serde-1.0.0.crate.json',
    choices: LAYOUTS,
    default: SIDECAR_DEFAULTS.layout,
  }),
  format: flag.choice({
    group: output,
    describe: 'a file for each version, or bundles, to spare inodes',
    choices: SIDECAR_FORMATS,
    default: SIDECAR_DEFAULTS.format,
  }),
  'bundle-size': flag.size({ group: output, describe: 'size of a bundle before compression', default: '8GiB' }),
  'bundle-level': flag.number({
    group: output,
    describe: 'zstd level of bundles, 1 to 19',
    default: String(BUNDLE_LEVEL),
    min: 1,
  }),
  check: flag.boolean({
    group: output,
    describe:
      'write nothing; print stale, missing and extra sidecars as JSON lines, exit status 3 if any are stale or missing',
  }),
  prune: flag.choice({
    group: output,
    describe: 'what to do with sidecars whose version the index no longer has',
    choices: PRUNE_POLICIES,
    default: 'keep',
  }),
  'max-removed': removalFlags(output)['max-removed'],
  concurrency: flag.number({
    group: output,
    describe: 'worker threads; with --limit there is one',
    default: String(SIDECAR_DEFAULTS.concurrency),
    defaultText: 'one for each processor',
    min: 1,
  }),
};

/** The values of `generate`. */
export type GenerateValues = FlagValues<typeof generateFlags>;
