import { flag, observeFlags, removalFlags, selectionFlags } from '@mirror/core/cli';
import type { FlagValues } from '@mirror/core/cli';

const index = 'Index:';
const feed = 'Changes:';
const download = 'Download:';
const network = 'Network:';

/** The engines, here again so that `--help` need not load them; a test compares. */
const engines = ['pack', 'isomorphic', 'system'] as const;

/** The flags of the one command. */
export const syncFlags = {
  'index-dir': flag.string({
    group: index,
    value: 'DIR',
    describe: 'where the index is, or will be',
    default: '~/Rust-Crates/crates.io-index',
  }),
  'index-url': flag.string({
    group: index,
    value: 'URL',
    describe:
      'the index (default where it came from; for a new one https://github.com/rust-lang/crates.io-index.git, with --protocol sparse https://index.crates.io/)',
  }),
  'change-origin': flag.boolean({
    group: index,
    describe: 'let --index-url name another upstream than the one that the index came from',
  }),
  branch: flag.string({ group: index, describe: "the branch to follow (default the server's own)" }),
  protocol: flag.choice({
    group: index,
    describe: 'the whole index by git, or single files by HTTP',
    choices: ['git', 'sparse'],
    default: 'git',
  }),
  'git-engine': flag.choice({
    group: index,
    describe: 'our own client, isomorphic-git, or the installed git',
    choices: engines,
    default: 'pack',
  }),
  'work-tree': flag.boolean({
    group: index,
    describe: 'a new index has files; --no-work-tree keeps only the pack, which every tool reads too',
    default: true,
  }),
  'index-threads': flag.number({
    group: index,
    describe: 'threads for large packs and first checkouts (default one for each core, at most 4)',
    min: 1,
  }),
  'max-packs': flag.number({
    group: index,
    describe: 'fold the packs of updates into one when there are more',
    default: '50',
    min: 1,
  }),
  'max-age': flag.duration({
    group: index,
    describe: 'warn when the newest commit upstream is older; 0 never warns',
    default: '24h',
    isAge: true,
  }),
  ...removalFlags(index),
  'accept-replaced': flag.boolean({
    group: index,
    describe: 'accept the versions whose checksums upstream has changed; without it the run ends with 4',
  }),
  watch: flag.duration({ group: index, describe: 'go on for ever: look again after this time' }),
  changes: flag.string({
    group: feed,
    value: 'FILE',
    describe: 'write what changed since the acknowledged state as JSON lines; - is stdout',
  }),
  ack: flag.boolean({
    group: feed,
    describe: 'only say that the changes written last are dealt with: the next ones begin after them',
  }),
  'crates-base-url': flag.string({
    group: feed,
    value: 'URL',
    describe: "where crate files are, or a template with cargo's markers (default https://static.crates.io/crates)",
  }),
  'output-dir': flag.string({
    group: download,
    value: 'DIR',
    describe: 'where the downloader puts crate files',
    default: '~/Rust-Crates/crates.io',
  }),
  download: flag.boolean({
    group: download,
    describe: 'run the downloader after the index; --no-download stops before',
    default: true,
  }),
  yes: flag.boolean({ group: download, describe: 'do not ask before downloading' }),
  'non-interactive': flag.boolean({ group: download, describe: 'the same as --yes' }),
  'skip-index-update': flag.boolean({ group: download, describe: 'take the index as it is' }),
  threads: flag.number({
    group: download,
    describe: 'requests in flight at most, the --concurrency of the downloader',
    min: 1,
  }),
  'downloader-path': flag.string({
    group: download,
    value: 'FILE',
    describe: 'the downloader (default beside this program, then on the PATH)',
  }),
  'downloader-arg': flag.list({
    group: download,
    describe: 'passed on as it is; may be given again: --downloader-arg=--layout --downloader-arg=cargo',
  }),
  'rate-limit': flag.string({ group: download, value: 'N/s', describe: 'passed on: requests per second at most' }),
  resume: flag.boolean({
    group: download,
    describe: 'accepted for old scripts: the downloader always resumes',
    default: true,
  }),
  verify: flag.boolean({
    group: download,
    describe: 'hash again what is there already, the --resume-check sha256 of the downloader',
  }),
  ...selectionFlags,
  'connect-timeout': flag.duration({ group: network, describe: 'time for a connection to be made', default: '10s' }),
  'stall-timeout': flag.duration({
    group: network,
    describe: 'time without a byte after which an attempt is given up',
    default: '120s',
  }),
  retries: flag.number({ group: network, describe: 'attempts after the first one', default: '6' }),
  'retry-base': flag.duration({
    group: network,
    describe: 'first pause at most; doubles each time',
    default: '500ms',
    bareUnit: 'ms',
  }),
  'retry-max': flag.duration({
    group: network,
    describe: 'longest pause, also when the server asks for more',
    default: '30s',
  }),
  'user-agent': flag.string({ group: network, describe: 'instead of the name and version of this program' }),
  contact: flag.string({
    group: network,
    value: 'ADDRESS',
    describe: 'mail address or URL for the operator of the upstream, in the User-Agent',
  }),
  'ca-file': flag.string({
    group: network,
    value: 'FILE',
    describe: 'certificates in PEM form to trust besides the usual ones',
  }),
  'log-path': flag.string({ group: 'Common:', value: 'PATH', describe: 'the same as --log-file' }),
  ...observeFlags,
};

/** The parsed values of the flags. */
export type SyncValues = FlagValues<typeof syncFlags>;
