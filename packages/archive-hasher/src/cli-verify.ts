import { command, flag } from '@mirror/core/cli';
import type { Outcome } from '@mirror/core/cli';
import { chosen, followPhases, itemsOf, required, secondsSince, sharedFlags } from './cli-common.ts';
import type { VerifyArchiveResult } from './verify-archive.ts';
import type { Difference } from './verify/compare-item.ts';

// What a command does is loaded when it runs, so that --help comes at once.
export const verify = command({
  name: 'verify',
  summary: 'Check a directory against its report: the signature, then what was added, is missing, or has changed.',
  flags: {
    report: flag.string({ value: 'FILE', describe: 'the report, <prefix>.toml (required without --archive)' }),
    archive: flag.string({
      value: 'FILE',
      describe: 'check this ZIP or tar against the report in it instead, without unpacking it',
    }),
    dir: flag.string({
      value: 'DIR',
      describe: 'the directory; default the one that the report names, beside or around it',
    }),
    'trusted-key': flag.list({
      describe:
        'whose signature counts: fingerprints, or files with public keys; with none the status is 8 at best, since anyone can make a key',
    }),
    signature: flag.string({ value: 'FILE', describe: 'default <report>.asc and those of further signers beside it' }),
    pubkey: flag.string({
      value: 'FILE',
      describe: 'the keys to check with, trusted or not; default the one beside the report',
    }),
    'allow-unsigned': flag.boolean({ describe: 'accept a report that says itself that it is not signed' }),
    quick: flag.boolean({ describe: 'compare sizes and times only' }),
    ...sharedFlags,
  },
  eitherOr: [
    ['trusted-key', 'allow-unsigned'],
    ['archive', 'report'],
    ['archive', 'dir'],
    ['archive', 'signature'],
    ['archive', 'quick'],
  ],
  async run(values, context) {
    const started = performance.now();
    const { verifyArchive } = await import('./verify-archive.ts');
    const { readTrustedKeys } = await import('@mirror/core/evidence');
    const phases = followPhases(context);
    const shared = {
      publicKey: values.pubkey,
      trusted: await readTrustedKeys(values.trustedKey),
      allowUnsigned: values.allowUnsigned,
      algorithms: chosen(values.algorithms),
      log: context.log,
      signal: context.signal,
      onDifference: (difference: Difference) => context.print(difference),
      onPhase: (total: number, read: () => { done: number; bytes: number; failed: number }) =>
        phases.begin('verifying', () => ({ ...read(), total })),
      onProgress: phases.tick,
    };
    const result =
      values.archive === undefined
        ? await verifyArchive({
            report: required(values.report, '--report'),
            dir: values.dir,
            signature: values.signature,
            quick: values.quick,
            workers: values.hashWorkers,
            engine: values.engine,
            ...shared,
          })
        : await (await import('./verify/verify-packed.ts')).verifyPacked({ archive: values.archive, ...shared });
    return verifyOutcome(result, started);
  },
});

function verifyOutcome(result: VerifyArchiveResult, started: number): Outcome {
  const { dir, signer, verified, differences } = result;
  const { unverified, ...disagreements } = differences;
  const wrong = Object.values(disagreements).reduce((sum, count) => sum + count, 0);
  const failure = failureOf(dir, signer, wrong, unverified);
  const summary = {
    dir,
    report_sha256: result.reportSha256,
    signed_by: signer?.fingerprint ?? null,
    signed_at: signer?.signedAt.toISOString() ?? null,
    signer: signer === undefined ? 'none' : signer.trusted ? 'trusted' : 'unverified',
    good_signatures: result.signers.map(({ fingerprint }) => fingerprint),
    verified,
    ...differences,
    seconds: secondsSince(started),
    exit_reason: REASONS[failure?.code ?? 'none'],
  };
  return failure === undefined ? { summary } : { summary, failure };
}

/** The gravest first. */
function failureOf(
  dir: string,
  signer: VerifyArchiveResult['signer'],
  wrong: number,
  unverified: number,
): { readonly code: Exclude<keyof typeof REASONS, 'none'>; readonly message: string } | undefined {
  if (wrong > 0) return { code: 'ERR_INTEGRITY', message: `${dir} is not as the report says, in ${itemsOf(wrong)}` };
  if (signer?.trusted === false) {
    const message = `unverified signer: the report is signed by ${signer.fingerprint}, which no --trusted-key names`;
    return { code: 'ERR_UNTRUSTED', message };
  }
  if (unverified > 0) return { code: 'ERR_PARTIAL', message: `could not be verified: ${itemsOf(unverified)}` };
  return undefined;
}

const REASONS = {
  none: 'verified',
  ERR_INTEGRITY: 'differs',
  ERR_UNTRUSTED: 'unverified signer',
  ERR_PARTIAL: 'partial',
} as const;
