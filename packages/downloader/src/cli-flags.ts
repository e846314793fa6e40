import { availableParallelism } from 'node:os';
import { flag, observeFlags, selectionFlags } from '@mirror/core/cli';
import type { FlagValues } from '@mirror/core/cli';
import { bundleFlags, planBundleFlags } from './cli-bundle.ts';
import { layoutFlag, manifestFlag } from './cli-mirror-place.ts';

/** The fetching default: enough to fill a link at any latency, little enough not to be rude. */
const concurrency = String(Math.max(64, 32 * availableParallelism()));

const input = 'Input:';
const output = 'Output:';
const fetching = 'Fetching:';

/** Where the list of what is asked for comes from. */
export const inputFlags = {
  'index-dir': flag.string({
    group: input,
    value: 'DIR',
    describe: 'a checkout of the crates.io index, or any directory in its layout',
  }),
  list: flag.string({
    group: input,
    value: 'FILE',
    describe: 'URLs or JSON lines {url, sha256|cksum} instead of an index; - is stdin',
  }),
  checksums: flag.string({
    group: input,
    value: 'FILE',
    describe: 'JSON lines {url, sha256} that add to or override what the source says',
  }),
  'crates-base-url': flag.list({
    group: input,
    value: 'URL',
    describe:
      "where crate files are, or a template with cargo's markers; several are tried in order (default https://static.crates.io/crates)",
  }),
};

const outputFlags = {
  out: flag.string({ group: output, value: 'DIR', describe: 'directory of the mirror', default: 'out' }),
  layout: layoutFlag(output),
  manifest: manifestFlag(output, 'JSON lines that record each version and serve as journal; - is stdout'),
  'resume-check': flag.choice({
    group: output,
    describe:
      'what to trust of files that are there: nothing, a record with equal size and time, a record and the name, or the name',
    choices: ['sha256', 'manifest', 'listing', 'exists'],
    default: 'manifest',
  }),
};

/** How files are fetched. */
export const fetchingFlags = {
  concurrency: flag.number({
    group: fetching,
    describe: 'requests in flight at most',
    default: concurrency,
    defaultText: '32 for each processor, at least 64',
    min: 1,
  }),
  adaptive: flag.boolean({
    group: fetching,
    describe: 'fewer requests in flight while upstream is in trouble',
    default: true,
  }),
  transport: flag.choice({
    group: fetching,
    describe: 'how requests are made: lean HTTP/1.1 where it fits and undici elsewhere, or undici for everything',
    choices: ['auto', 'undici'],
    default: 'auto',
  }),
  timeout: flag.duration({ group: fetching, describe: 'time for one attempt', default: '300s' }),
  'connect-timeout': flag.duration({ group: fetching, describe: 'time for a connection to be made', default: '10s' }),
  'stall-timeout': flag.duration({
    group: fetching,
    describe: 'time without a byte after which an attempt is given up',
    default: '60s',
  }),
  retries: flag.number({
    group: fetching,
    describe: 'attempts after the first one, at each address and in each of two rounds',
    default: '6',
  }),
  'retry-base': flag.duration({
    group: fetching,
    describe: 'first pause at most; doubles each time',
    default: '500ms',
    bareUnit: 'ms',
  }),
  'retry-max': flag.duration({
    group: fetching,
    describe: 'longest pause, also when the server asks for more',
    default: '30s',
  }),
  'rate-limit': flag.rate({ group: fetching, describe: 'requests per second at most' }),
  'max-bandwidth': flag.bandwidth({ group: fetching, describe: 'bytes per second at most, such as 50MB/s' }),
  'max-file-size': flag.size({ group: fetching, describe: 'a larger file is refused', default: '2GiB' }),
  'give-up-after': flag.duration({
    group: fetching,
    describe: 'end the run when upstream has not answered for this long',
    default: '5m',
  }),
  'trust-absent': flag.boolean({
    group: fetching,
    describe: 'believe upstream that files are absent, even if it has none of those that the mirror holds',
  }),
  'accept-replaced': flag.boolean({
    group: fetching,
    describe:
      'accept checksums that upstream has changed: the old file goes to quarantine; without it that file stays, status 4',
  }),
  'pending-for': flag.duration({
    group: fetching,
    describe: 'ask again for a new version that upstream does not have yet, and report it as pending, for this long',
    default: '1d',
  }),
  'user-agent': flag.string({ group: fetching, describe: 'instead of the name and version of this program' }),
  contact: flag.string({
    group: fetching,
    value: 'ADDRESS',
    describe: 'mail address or URL for the operator of the upstream, in the User-Agent',
  }),
  'ca-file': flag.string({
    group: fetching,
    value: 'FILE',
    describe: 'certificates in PEM form to trust besides the usual ones',
  }),
  'token-file': flag.string({
    group: fetching,
    value: 'FILE',
    describe: 'token of a registry with auth-required, sent to the origin of the first base URL alone; or MIRROR_TOKEN',
  }),
  grace: flag.duration({
    group: fetching,
    describe: 'time for requests in flight to end after the first signal',
    default: '10s',
  }),
};

/** The flags of `download`. */
export const downloadFlags = {
  ...inputFlags,
  ...selectionFlags,
  ...outputFlags,
  'record-skipped': flag.boolean({ group: output, describe: 'record again what a record vouches for already' }),
  fsync: flag.choice({
    group: output,
    describe: 'flush each file to the device before it gets its name',
    choices: ['none', 'file'],
    default: 'none',
  }),
  'dry-run': flag.boolean({ group: output, describe: 'the same as the command plan' }),
  ...bundleFlags,
  ...fetchingFlags,
  ...observeFlags,
};

/** The flags of `plan`. */
export const planFlags = {
  ...inputFlags,
  ...selectionFlags,
  ...outputFlags,
  manifest: manifestFlag(output, 'records of downloads: they vouch for what is there'),
  ...planBundleFlags,
  missing: flag.string({
    group: output,
    value: 'FILE',
    describe: 'write what is missing as JSON lines that --list takes; - is stdout',
  }),
  'max-bandwidth': flag.bandwidth({
    group: fetching,
    describe: 'for the expected time (default one gigabit a second)',
  }),
};

/** The values of `download`. */
export type DownloadValues = FlagValues<typeof downloadFlags>;
/** The values of `plan`. */
export type PlanValues = FlagValues<typeof planFlags>;
