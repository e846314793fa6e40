import { lstatSync } from 'node:fs';
import { MirrorError, ifThere } from '@mirror/core/errors';
import { checkSignatures, readSignatures, withSigner } from '@mirror/core/evidence';
import type { PublicKey, Signer, TrustedKeys } from '@mirror/core/evidence';
import { isSpecial } from './find-evidence.ts';
import type { SteadyFile } from './steady-file.ts';

/**
 * Check the signature `<archive>.asc` where there is one: gpg would, and would call a wrong one bad. It may be absent, since the report in the
 * archive has a signature of its own.
 *
 * @throws {MirrorError} ERR_SIGNATURE when it is not good, or not by one of `signers`, who have signed the report
 */
export async function checkArchiveSignature(
  archive: Pick<SteadyFile, 'name' | 'chunks'>,
  keys: readonly PublicKey[],
  trusted: TrustedKeys,
  signers: readonly Signer[],
): Promise<void> {
  const file = `${archive.name}.asc`;
  if (ifThere(() => lstatSync(file)) === undefined) return;
  if (isSpecial(file)) throw new MirrorError('ERR_SIGNATURE', `${file} is not a file`);
  const check = checkSignatures(await readSignatures(file), keys, trusted);
  for await (const chunk of archive.chunks()) check.update(chunk);
  const checked = await check.finish();
  const { signer } = withSigner(archive.name, [file], checked);
  const isKnown = checked.good.some(({ fingerprint }) => signers.some((each) => each.fingerprint === fingerprint));
  if (isKnown || signer.trusted) return;
  throw new MirrorError('ERR_SIGNATURE', `${file} is by ${signer.fingerprint}, who has not signed the report`);
}
