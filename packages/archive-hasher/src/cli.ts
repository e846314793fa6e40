import { createRequire } from 'node:module';
import { MirrorError } from '@mirror/core/errors';
import { command, flag, parseInstant, runCli } from '@mirror/core/cli';
import type { CliIo, CommandContext, Outcome, Progress } from '@mirror/core/cli';
import { ALGORITHM_NAMES, algorithmsNamed } from './algorithms.ts';
import type { HashArchiveResult } from './hash-archive.ts';
import type { VerifyArchiveResult } from './verify-archive.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

const PROBLEM_POLICIES = ['report', 'skip', 'fail'] as const;

// What a command does is loaded when it runs, so that --help comes at once.
const sharedFlags = {
  algorithms: flag.list({ describe: `only these: ${ALGORITHM_NAMES.join(' ')}; default all` }),
  'hash-workers': flag.number({ describe: 'threads that hash; default one for each core', min: 1 }),
  engine: flag.choice({
    describe: 'what computes: the fastest that this machine has, or WebAssembly alone',
    choices: ['fastest', 'wasm'],
    default: 'fastest',
  }),
};

const hash = command({
  name: 'hash',
  summary: 'Hash every file of a directory, write a signed report, pack the directory.',
  isDefault: true,
  flags: {
    dir: flag.string({ value: 'DIR', describe: 'the directory (required)' }),
    'out-dir': flag.string({ value: 'DIR', describe: 'where the outputs go; may lie inside --dir', default: '.' }),
    'out-prefix': flag.string({ describe: 'what their names begin with; default the name of --dir' }),
    archive: flag.choice({
      describe: 'pack the directory and the report',
      choices: ['zip', 'tar', 'none'],
      default: 'zip',
    }),
    gpgkey: flag.string({
      value: 'FILE',
      describe: 'private OpenPGP key that signs, armored or binary; default a new one, kept in --new-key',
    }),
    'passphrase-file': flag.string({
      value: 'FILE',
      describe:
        'its first line opens the key; or MIRROR_GPG_PASSPHRASE in the environment; or you are asked on a terminal',
    }),
    'new-key': flag.string({
      value: 'FILE',
      describe:
        'where a key without --gpgkey is made once and used again; default mirror/archive-hasher.key.asc where the user keeps settings',
    }),
    sign: flag.boolean({ describe: 'sign the report; --no-sign leaves it', default: true }),
    date: flag.parsed({
      value: 'DATE',
      describe: 'inventory date in the report, RFC 3339; default now',
      parse: parseDate,
    }),
    symlinks: flag.choice({
      describe: 'symbolic links: list them with their target, hash what they lead to, or leave them out',
      choices: ['record', 'follow', 'skip'],
      default: 'record',
    }),
    'on-special': flag.choice({
      describe: 'fifos, sockets, devices: list and exit 3, leave out, or stop',
      choices: PROBLEM_POLICIES,
      default: 'report',
    }),
    'on-unreadable': flag.choice({ describe: 'what cannot be read', choices: PROBLEM_POLICIES, default: 'report' }),
    'on-change': flag.choice({
      describe: 'files that change or vanish while they are read',
      choices: PROBLEM_POLICIES,
      default: 'report',
    }),
    'change-retries': flag.number({ describe: 'how often a file that changes is read again first', default: '2' }),
    verbose: flag.boolean({ describe: 'one line on stderr for each file' }),
    ...sharedFlags,
  },
  async run(values, context) {
    const started = performance.now();
    const dir = required(values.dir, '--dir');
    const algorithms = algorithmsNamed(chosen(values.algorithms) ?? ALGORITHM_NAMES);
    (await import('./check-inputs.ts')).checkInputs({ ...values, dir }); // before a key is made
    const signingKey = values.sign ? await (await import('./cli-key.ts')).signingKeyFor(values, context) : undefined;
    const { hashArchive } = await import('./hash-archive.ts');
    const phases = followPhases(context);
    const result = await hashArchive({
      dir,
      outDir: values.outDir,
      outPrefix: values.outPrefix,
      algorithms,
      archive: values.archive,
      signingKey,
      date: values.date,
      symlinks: values.symlinks,
      retries: values.changeRetries,
      policies: {
        special: values.onSpecial,
        unreadable: values.onUnreadable,
        changed: values.onChange,
        vanished: values.onChange,
      },
      workers: values.hashWorkers,
      engine: values.engine,
      log: context.log,
      signal: context.signal,
      onHashed: values.verbose ? ({ path, size }) => context.log.info('hashed', { path, bytes: size }) : undefined,
      onPhase: phases.begin,
      onProgress: phases.tick,
    });
    return hashOutcome(result, dir, started);
  },
});

const verify = command({
  name: 'verify',
  summary: 'Check a directory against its report: the signature, then what was added, is missing, or has changed.',
  flags: {
    report: flag.string({ value: 'FILE', describe: 'the report, <prefix>.toml (required)' }),
    dir: flag.string({
      value: 'DIR',
      describe: 'the directory; default the one that the report names, beside or around it',
    }),
    signature: flag.string({ value: 'FILE', describe: 'default <report>.asc' }),
    pubkey: flag.string({
      value: 'FILE',
      describe: 'the public key that must have signed; default the one beside the report, which proves less',
    }),
    'allow-unsigned': flag.boolean({ describe: 'accept a report without a signature' }),
    quick: flag.boolean({ describe: 'compare sizes and times only' }),
    ...sharedFlags,
  },
  async run(values, context) {
    const started = performance.now();
    const { verifyArchive } = await import('./verify-archive.ts');
    const phases = followPhases(context);
    const result = await verifyArchive({
      report: required(values.report, '--report'),
      dir: values.dir,
      signature: values.signature,
      publicKey: values.pubkey,
      allowUnsigned: values.allowUnsigned,
      quick: values.quick,
      algorithms: chosen(values.algorithms),
      workers: values.hashWorkers,
      engine: values.engine,
      log: context.log,
      signal: context.signal,
      onDifference: (difference) => context.print(difference),
      onPhase: (total, read) => phases.begin('verifying', () => ({ ...read(), total })),
      onProgress: phases.tick,
    });
    return verifyOutcome(result, started);
  },
});

/** Run the command line `argv` in the world `io`; resolves to the exit status. */
export async function main(argv: readonly string[], io: CliIo): Promise<number> {
  const description = 'Hash, inventory, sign and pack a directory, and check it again later.';
  return runCli({ name: 'mirror-archive-hasher', version, description, commands: [hash, verify] }, argv, io);
}

function hashOutcome(result: HashArchiveResult, dir: string, started: number): Outcome {
  const { header, outputs, failed } = result;
  return {
    summary: {
      dir,
      report: outputs.report,
      signature: outputs.signature ?? null,
      public_key: outputs.publicKey ?? null,
      archive: outputs.archive ?? null,
      files: header.directory.totalFiles,
      directories: header.directory.totalDirectories,
      symlinks: result.symlinks,
      bytes: header.directory.totalSizeBytes,
      archived: result.archived ?? null,
      failed,
      skipped: result.skipped,
      hashes: Object.fromEntries(header.hashes),
      seconds: secondsSince(started),
      exit_reason: failed === 0 ? 'done' : 'partial',
    },
    ...(failed > 0 && {
      failure: { code: 'ERR_PARTIAL', message: `without a digest, or not in the archive: ${itemsOf(failed)}` },
    }),
  };
}

function verifyOutcome({ dir, signer, verified, differences }: VerifyArchiveResult, started: number): Outcome {
  const { unverified, ...disagreements } = differences;
  const wrong = Object.values(disagreements).reduce((sum, count) => sum + count, 0);
  const summary = {
    dir,
    signed_by: signer?.fingerprint ?? null,
    signed_at: signer?.signedAt.toISOString() ?? null,
    verified,
    ...differences,
    seconds: secondsSince(started),
    exit_reason: wrong > 0 ? 'differs' : unverified > 0 ? 'partial' : 'verified',
  };
  if (wrong > 0)
    return {
      summary,
      failure: { code: 'ERR_INTEGRITY', message: `${dir} is not as the report says, in ${itemsOf(wrong)}` },
    };
  if (unverified > 0)
    return { summary, failure: { code: 'ERR_PARTIAL', message: `could not be verified: ${itemsOf(unverified)}` } };
  return { summary };
}

/** Show one phase after the other. */
function followPhases(context: CommandContext): {
  begin(label: string, read: Parameters<CommandContext['progress']>[0]['read']): void;
  tick(): void;
} {
  let shown: Progress | undefined;
  return {
    begin: (label, read) => {
      shown?.stop();
      shown = context.progress({ label, read });
    },
    tick: () => shown?.tick(),
  };
}

function itemsOf(count: number): string {
  return count === 1 ? '1 item' : `${String(count)} items`;
}

function required(value: string | undefined, name: string): string {
  if (value !== undefined && value !== '') return value;
  throw new MirrorError('ERR_USAGE', `${name} is required`, { hint: 'see mirror-archive-hasher --help' });
}

/** A list that was not given is empty. */
function chosen(list: readonly string[]): readonly string[] | undefined {
  return list.length === 0 ? undefined : list;
}

function parseDate(text: string): Date {
  const instant = parseInstant(text);
  if (instant !== undefined) return new Date(instant);
  throw new MirrorError(
    'ERR_USAGE',
    `expected a date such as 2026-01-31 or 2026-01-31T12:00:00Z, found ${JSON.stringify(text)}`,
  );
}

function secondsSince(started: number): number {
  return Math.round(performance.now() - started) / 1000;
}
