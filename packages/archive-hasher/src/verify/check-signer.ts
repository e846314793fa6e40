import { MirrorError, messageOf } from '@mirror/core/errors';
import { NO_TRUSTED_KEYS, checkSignatures, readPublicKeys, readSignatures, withSigner } from '@mirror/core/evidence';
import type { PublicKey, Signature, Signer, TrustedKeys } from '@mirror/core/evidence';
import type { Log } from '@mirror/core/log';
import type { ReportHeader } from '../report.ts';
import type { Evidence } from './find-evidence.ts';
import type { SteadyFile } from './steady-file.ts';

/** What is believed. */
export interface SignerPolicy {
  /** Keys whose signatures count; with none, any signer is named as not trusted. */
  readonly trusted?: TrustedKeys | undefined;
  /** A file with the keys to check with; default the one beside the report. */
  readonly publicKey?: string | undefined;
  /** Accept a report that says itself that it is not signed. */
  readonly allowUnsigned?: boolean | undefined;
}

/**
 * Check the signatures of a report; this is the first reading of it. Gives what is known, to be judged by `judgeSigner` once the header is read.
 *
 * @throws {MirrorError} ERR_SIGNATURE when there are signatures and none is good; ERR_IO when a key cannot be read
 */
export async function checkSigners(
  report: SteadyFile,
  { signatures, publicKeys: beside }: Evidence,
  { trusted = NO_TRUSTED_KEYS, publicKey }: SignerPolicy,
  log: Log,
): Promise<readonly Signer[]> {
  if (signatures.length === 0) return [];
  const broken: string[] = [];
  const read = await Promise.all(
    signatures.map((file) =>
      readSignatures(file).catch((error: unknown) => {
        broken.push(messageOf(error));
        return [];
      }),
    ),
  );
  const keys = await keysToCheckWith(publicKey, beside, trusted);
  return checkReadSigners(report, { signatures: read.flat(), keys, broken }, { trusted }, log);
}

/** The same for signatures and keys that were read already; `broken` says why others could not be. */
export async function checkReadSigners(
  report: Pick<SteadyFile, 'name' | 'chunks'>,
  { signatures, keys, broken }: ReadSignatures,
  { trusted = NO_TRUSTED_KEYS }: SignerPolicy,
  log: Log,
): Promise<readonly Signer[]> {
  if (signatures.length === 0 && broken.length === 0) return [];
  const check = checkSignatures(signatures, keys, trusted);
  for await (const chunk of report.chunks()) check.update(chunk);
  const { good, failures } = await check.finish();
  const all = [...broken, ...failures];
  withSigner(report.name, [], { good, failures: all });
  for (const failure of all) log.warn('a signature that is not good', { report: report.name, failure });
  return good;
}

/** What was found beside a report. */
export interface ReadSignatures {
  readonly signatures: readonly Signature[];
  readonly keys: readonly PublicKey[];
  readonly broken: readonly string[];
}

/**
 * The signer that counts: a trusted one, or the one that the report names. Undefined for a report that is not signed and need not be.
 *
 * @throws {MirrorError} ERR_SIGNATURE when nobody trusted has signed though somebody is trusted, when the report names another signer, or when its
 * signature is gone
 */
export function judgeSigner(
  report: string,
  { signature }: ReportHeader,
  signers: readonly Signer[],
  { trusted = NO_TRUSTED_KEYS, allowUnsigned = false }: SignerPolicy,
  log: Log,
): Signer | undefined {
  const [best] = signers;
  if (best === undefined) return judgeUnsigned(report, signature?.fingerprint, allowUnsigned, log);
  const fields = ({ fingerprint, signedAt }: Signer): object => ({ fingerprint, signed_at: signedAt.toISOString() });
  if (best.trusted) {
    log.info('good signature by a trusted key', fields(best));
    if (signature !== undefined && !signers.some(({ fingerprint }) => fingerprint === signature.fingerprint))
      log.warn('no good signature by the key that the report names', { fingerprint: signature.fingerprint });
    return best;
  }
  if (trusted.fingerprints.size > 0) {
    throw new MirrorError(
      'ERR_SIGNATURE',
      `${report} is signed by ${best.fingerprint}, which is none of the trusted keys`,
      { hint: `trusted: ${[...trusted.fingerprints].join(', ')}` },
    );
  }
  const own = signature === undefined ? best : signers.find(({ fingerprint }) => fingerprint === signature.fingerprint);
  if (own === undefined)
    throw new MirrorError(
      'ERR_SIGNATURE',
      `${report} is signed by ${best.fingerprint}, but names ${String(signature?.fingerprint)}`,
    );
  log.warn(
    'the signer is not known: anyone could have made this key; name the one you trust by --trusted-key',
    fields(own),
  );
  return own;
}

function judgeUnsigned(report: string, named: string | undefined, allowUnsigned: boolean, log: Log): undefined {
  if (named !== undefined) {
    throw new MirrorError(
      'ERR_SIGNATURE',
      `there is no signature ${report}.asc, though the report names ${named} as its signer`,
      {
        hint: 'get the signature from where the report comes from',
      },
    );
  }
  if (!allowUnsigned) {
    throw new MirrorError('ERR_SIGNATURE', `there is no signature ${report}.asc`, {
      hint: '--allow-unsigned accepts the report as it is',
    });
  }
  log.warn('the report is not signed: whoever changed the directory could change it too', { report });
  return undefined;
}

/** Trusted keys are at hand already; those beside the report may then be absent. */
async function keysToCheckWith(
  given: string | undefined,
  beside: readonly string[],
  trusted: TrustedKeys,
): Promise<PublicKey[]> {
  if (given !== undefined) return readPublicKeys(given);
  try {
    return (await Promise.all(beside.map((file) => readPublicKeys(file)))).flat();
  } catch (error) {
    if (trusted.keys.length > 0) return [];
    throw error;
  }
}
