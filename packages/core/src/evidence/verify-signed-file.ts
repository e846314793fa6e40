import { createReadStream } from 'node:fs';
import { MirrorError, messageOf } from '../errors.ts';
import { checkSignatures } from './check-signatures.ts';
import type { CheckedSignatures, Signer } from './check-signatures.ts';
import { readPublicKeys, readSignatures } from './key-files.ts';
import { NO_TRUSTED_KEYS } from './trusted-keys.ts';
import type { TrustedKeys } from './trusted-keys.ts';

/** What to check. */
export interface SignedFile {
  readonly file: string;
  /** Files with detached signatures, each with one or several. */
  readonly signatures: readonly string[];
  /** Files with keys to check with; they are not trusted for being there. Trusted keys need not be among them. */
  readonly keys: readonly string[];
  /** Default none. */
  readonly trusted?: TrustedKeys | undefined;
}

/**
 * Check a file against its detached signatures. There is at least one good one; whether its signer is trusted stands in the first of `good`.
 * Memory does not depend on the size of the file.
 *
 * @throws {MirrorError} ERR_SIGNATURE when no signature is good; ERR_IO when one of the files cannot be read
 */
export async function verifySignedFile(what: SignedFile): Promise<CheckedSignatures & { readonly signer: Signer }> {
  const { file, signatures, keys, trusted = NO_TRUSTED_KEYS } = what;
  const read = await Promise.all(signatures.map(readSignatures));
  const known = await Promise.all(keys.map((each) => readPublicKeys(each)));
  const check = checkSignatures(read.flat(), known.flat(), trusted);
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) check.update(chunk as Buffer);
  } catch (cause) {
    throw new MirrorError('ERR_IO', `cannot read ${file}: ${messageOf(cause)}`, { cause });
  }
  return withSigner(file, signatures, await check.finish());
}

/** The result of a check with its best signer. @throws {MirrorError} ERR_SIGNATURE when there is none */
export function withSigner(
  file: string,
  signatures: readonly string[],
  checked: CheckedSignatures,
): CheckedSignatures & { readonly signer: Signer } {
  const [signer] = checked.good;
  if (signer !== undefined) return { ...checked, signer };
  throw new MirrorError(
    'ERR_SIGNATURE',
    `${signatures.join(', ')}${signatures.length > 0 ? ': ' : ''}no good signature of ${file}: ${checked.failures.join('; ') || 'there is none'}`,
  );
}
