import { MirrorError } from '@mirror/core/errors';
import { command, flag, parseInstant } from '@mirror/core/cli';
import type { Outcome } from '@mirror/core/cli';
import { ALGORITHM_NAMES, algorithmsNamed } from './algorithms.ts';
import { chosen, followPhases, itemsOf, required, secondsSince, sharedFlags } from './cli-common.ts';
import { keyFlags } from './cli-key-flags.ts';
import type { HashArchiveResult } from './hash-archive.ts';

const PROBLEM_POLICIES = ['report', 'skip', 'fail'] as const;

// What a command does is loaded when it runs, so that --help comes at once.
export const hash = command({
  name: 'hash',
  summary: 'Hash every file of a directory, write a signed report, pack the directory.',
  isDefault: true,
  flags: {
    dir: flag.string({ value: 'DIR', describe: 'the directory (required)' }),
    'out-dir': flag.string({ value: 'DIR', describe: 'where the outputs go; may lie inside --dir', default: '.' }),
    'out-prefix': flag.string({ describe: 'what their names begin with; default the name of --dir' }),
    replace: flag.boolean({ describe: 'replace earlier evidence of the same name; without it that is an error' }),
    archive: flag.choice({
      describe: 'pack the directory and the report',
      choices: ['zip', 'tar', 'none'],
      default: 'zip',
    }),
    ...keyFlags,
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
    listings: flag.list({
      describe:
        'algorithms whose <prefix>.<algorithm> is written for sha256sum -c, sha512sum -c, b2sum -c, b3sum -c …; default sha256',
    }),
    exclude: flag.list({
      describe:
        'leave out these names (*.tmp) or paths (/logs/**), besides the state of the mirror tools; the report says so',
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
    const { outputs } = (await import('./check-inputs.ts')).checkInputs({
      ...values,
      dir,
      algorithms,
      listings: chosen(values.listings),
    }); // before a key is made
    await (await import('./publish/earlier-evidence.ts')).checkEarlierEvidence(outputs, values.replace);
    const { signingKeyFor, secretFiles } = await import('./cli-key.ts');
    const signingKey = values.sign ? await signingKeyFor(values, dir, context) : undefined;
    const { hashArchive } = await import('./hash-archive.ts');
    const phases = followPhases(context);
    const result = await hashArchive({
      dir,
      outDir: values.outDir,
      outPrefix: values.outPrefix,
      replace: values.replace,
      secrets: values.sign ? secretFiles(values, context.io.env) : [],
      algorithms,
      archive: values.archive,
      signingKey,
      date: values.date,
      listings: chosen(values.listings),
      exclude: values.exclude,
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

function hashOutcome(result: HashArchiveResult, dir: string, started: number): Outcome {
  const { header, outputs, failed } = result;
  return {
    summary: {
      dir,
      report: outputs.report,
      signature: outputs.signature ?? null,
      public_key: outputs.publicKey ?? null,
      archive: outputs.archive ?? null,
      listings: outputs.listings,
      archive_signature: outputs.archiveSignature ?? null,
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

function parseDate(text: string): Date {
  const instant = parseInstant(text);
  if (instant !== undefined) return new Date(instant);
  throw new MirrorError(
    'ERR_USAGE',
    `expected a date such as 2026-01-31 or 2026-01-31T12:00:00Z, found ${JSON.stringify(text)}`,
  );
}
