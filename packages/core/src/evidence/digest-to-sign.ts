import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import type { AnySecretKeyPacket, Config, SignaturePacket } from 'openpgp';
import { openpgp } from './openpgp-library.ts';

/**
 * A signature packet with the two places where it computes a digest or takes one that is known. The library itself would
 * hold the whole file, twice: for a gigabyte it takes 2.2 GB.
 */
export type HashingPacket = Omit<SignaturePacket, 'sign'> &
  SignaturePacket & {
    hash: () => Promise<Uint8Array>;
    hashed?: Promise<Uint8Array>;
    readonly salt?: Uint8Array | null;
    sign(key: AnySecretKeyPacket, data: object, date: Date, detached: boolean, config: Config): Promise<void>;
  };

/**
 * A running digest of the file that a signature is for; what `endDigest` makes of it is what is signed.
 *
 * @throws when the signature is of a kind that is not made for files, or by a digest that can be forged
 */
export function beginDigest({ version, signatureType, hashAlgorithm, salt }: HashingPacket): Hash {
  const name = HASHES.get(hashAlgorithm ?? 0);
  if (signatureType !== openpgp.enums.signature.binary || (version !== 4 && version !== 6) || name === undefined)
    throw new Error('not a kind of signature that is made for files');
  return createHash(name).update(salt ?? new Uint8Array());
}

/** The digest that a binary signature signs: of the file, the hashed part of the packet, and its length (RFC 9580, 5.2.4). */
export function endDigest(hash: Hash, { version, signatureData }: HashingPacket): Uint8Array {
  if (version === null || signatureData === null) throw new Error('the signature has no signed part');
  const trailer = Buffer.from([version, 0xff, 0, 0, 0, 0]);
  trailer.writeUInt32BE(signatureData.length, 2);
  return hash.update(signatureData).update(trailer).digest();
}

/** Older digests are not accepted. */
const HASHES: ReadonlyMap<number, string> = new Map([
  [openpgp.enums.hash.sha256, 'sha256'],
  [openpgp.enums.hash.sha384, 'sha384'],
  [openpgp.enums.hash.sha512, 'sha512'],
  [openpgp.enums.hash.sha3_256, 'sha3-256'],
  [openpgp.enums.hash.sha3_512, 'sha3-512'],
]);
