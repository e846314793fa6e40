import { LAYOUTS, parseListen, parsePublishTime } from '@mirror/core';
import { flag, removalFlags, selectionFlags } from '@mirror/core/cli';
import type { FlagValues, SelectionFlags } from '@mirror/core/cli';
import { ACCESS_LOG_FORMATS } from './observe/access-log.ts';

const mirror = 'Mirror:';
const selection = 'Selection:';
const listening = 'Listening:';
const limits = 'Limits:';
const output = 'Output:';
const checking = 'Checking:';

const mirrorFlags = {
  'index-dir': flag.string({
    group: mirror,
    value: 'DIR',
    describe: 'a checkout of the crates.io index, a bare repository of it, or any directory in its layout',
  }),
  root: flag.list({ group: mirror, describe: "folders of crate files, as the downloader's --out (default out)" }),
  layout: flag.choice({
    group: mirror,
    describe: 'how the folders are arranged; auto looks for both',
    choices: ['auto', ...LAYOUTS],
    default: 'auto',
  }),
  bundles: flag.list({ group: mirror, describe: "folders of bundles, as the downloader's --bundles-out" }),
  'verify-crates': flag.boolean({
    group: mirror,
    describe: 'check the digest of each crate file before it is first given out',
    default: true,
  }),
};

// `limit` counts over all crates, and a server is asked for one at a time.
const selectionTable: Omit<SelectionFlags, 'limit'> = withoutLimit(selectionFlags);

const viewFlags = {
  ...selectionTable,
  'only-present': flag.boolean({ group: selection, describe: 'hide versions whose crate file is missing' }),
  'published-before': flag.parsed({
    group: selection,
    value: 'TIME',
    describe: 'only versions older than an age (7d, counted from each request) or a date',
    parse: slidingTime,
  }),
  allow: flag.list({ group: selection, describe: 'shown however fresh, in spite of --published-before: as --crates' }),
};

/** The flags of `serve`. */
export const serveFlags = {
  ...mirrorFlags,
  ...viewFlags,
  listen: flag.string({
    group: listening,
    value: 'HOST:PORT',
    describe: 'address to listen on; without a host only this machine can connect; port 0 is any',
    default: '127.0.0.1:8080',
  }),
  'public-url': flag.string({
    group: listening,
    value: 'URL',
    describe: 'how clients reach the server, when not by the host they name',
  }),
  'base-path': flag.string({
    group: listening,
    value: 'PATH',
    describe: 'path in front of everything, as /mirror; that of --public-url if given',
  }),
  'trust-proxy': flag.boolean({
    group: listening,
    describe: 'believe X-Forwarded-Proto, -Host and -Prefix: only behind a proxy that sets them',
  }),
  cert: flag.string({
    group: listening,
    value: 'FILE',
    describe: 'certificate chain in PEM form: speak TLS, HTTP/2 and HTTP/1.1',
  }),
  key: flag.string({ group: listening, value: 'FILE', describe: 'private key of the certificate in PEM form' }),
  'access-log': flag.string({
    group: listening,
    value: 'FILE',
    describe: 'append a line for each request; - is stdout',
  }),
  'access-log-format': flag.choice({
    group: listening,
    describe: 'form of the access log',
    choices: ACCESS_LOG_FORMATS,
    default: 'combined',
  }),
  metrics: flag.boolean({ group: listening, describe: 'answer /metrics for Prometheus', default: true }),
  'debug-listen': flag.parsed({
    group: listening,
    value: 'HOST:PORT',
    describe:
      'an address for those who run the server: a live page, /metrics, /api/status, /debug/pprof/; :6060 is this machine only',
    parse: parseListen,
  }),
  rescan: flag.duration({
    group: listening,
    describe: 'how often crates and files are counted again; 0 is once',
    default: '15m',
  }),
  'cache-size': flag.size({ group: limits, describe: 'memory for what was asked for last', default: '128MiB' }),
  'max-connections': flag.number({ group: limits, describe: 'connections at the same time', default: '4096', min: 1 }),
  'header-timeout': flag.duration({ group: limits, describe: 'time for a client to send a request', default: '10s' }),
  'idle-timeout': flag.duration({
    group: limits,
    describe: 'time without a byte after which a connection is closed',
    default: '60s',
  }),
  grace: flag.duration({
    group: limits,
    describe: 'time for answers in flight to end after the first signal',
    default: '10s',
  }),
};

/** The flags of `export`. */
export const exportFlags = {
  ...mirrorFlags,
  ...viewFlags,
  'public-url': flag.string({
    group: output,
    value: 'URL',
    describe: 'where the web server will offer the tree; goes into config.json',
    default: 'http://127.0.0.1:8080',
  }),
  link: flag.choice({
    group: output,
    describe:
      'how crate files get into the tree: copies, which share blocks where the file system can; hard links, so that a change of the tree is one of the mirror; symbolic links',
    choices: ['copy', 'hard', 'symbolic'],
    default: 'copy',
  }),
  'max-removed': removalFlags(output)['max-removed'],
  verify: flag.boolean({
    group: output,
    describe: 'write nothing: read the exported tree again and compare every file with its list; needs no mirror',
  }),
};

/** The flags of `doctor`. */
export const doctorFlags = {
  ...mirrorFlags,
  url: flag.string({
    group: checking,
    value: 'URL',
    describe: 'address of a running mirror to check; without it the folders above are served for the check',
  }),
  crate: flag.list({
    group: checking,
    describe: 'crates to fetch, as cargo add takes them: serde, serde@1.0.200 (default: some that the mirror has)',
  }),
  count: flag.number({ group: checking, describe: 'crates to pick when none is named', default: '5', min: 1 }),
  'all-files': flag.boolean({
    group: checking,
    describe:
      'read every crate file of the mirror and compare it with the index, not only those of the crates to fetch',
  }),
  build: flag.boolean({ group: checking, describe: 'compile the crates as well, which runs their build scripts' }),
  cargo: flag.string({ group: checking, value: 'FILE', describe: 'the cargo to use', default: 'cargo' }),
  'ca-file': flag.string({
    group: checking,
    value: 'FILE',
    describe: 'certificates in PEM form for cargo to trust, for a mirror with TLS',
  }),
  timeout: flag.duration({ group: checking, describe: 'time for each run of cargo', default: '300s' }),
};

/** The values of `serve`. */
export type ServeValues = FlagValues<typeof serveFlags>;
/** The values of `export`. */
export type ExportValues = FlagValues<typeof exportFlags>;
/** The values of `doctor`. */
export type DoctorValues = FlagValues<typeof doctorFlags>;
/** What is common to the commands that show a part of the index. */
export type ViewValues = FlagValues<typeof mirrorFlags & typeof viewFlags>;
/** Where the mirror is. */
export type MirrorValues = FlagValues<typeof mirrorFlags>;

/** An age slides along with the time; a date stays. What is neither is noticed now. */
function slidingTime(text: string): { readonly text: string; readonly at: (nowMs: number) => number } {
  parsePublishTime(text, Date.now());
  return { text, at: (nowMs) => parsePublishTime(text, nowMs) };
}

function withoutLimit(flags: SelectionFlags): Omit<SelectionFlags, 'limit'> {
  return Object.fromEntries(Object.entries(flags).filter(([name]) => name !== 'limit')) as unknown as Omit<
    SelectionFlags,
    'limit'
  >;
}
