import type { Hash } from 'node:crypto';
import type { PublicKey, Signature } from 'openpgp';
import { messageOf } from '../errors.ts';
import { beginDigest, endDigest } from './digest-to-sign.ts';
import type { HashingPacket } from './digest-to-sign.ts';
import { openpgp } from './openpgp-library.ts';
import type { TrustedKeys } from './trusted-keys.ts';

/** Who made a good signature. */
export interface Signer {
  /** Fingerprint of the primary key, in lower-case hex. */
  readonly fingerprint: string;
  /** When it was signed, as the signer says. */
  readonly signedAt: Date;
  /** Whether the key was named as trusted. */
  readonly trusted: boolean;
}

/** What became of the signatures of a file. */
export interface CheckedSignatures {
  /** The good ones, those by trusted keys first. */
  readonly good: readonly Signer[];
  /** Why each of the others is not good. */
  readonly failures: readonly string[];
}

/** A check that is fed with the bytes of the file, so that they are read once for all signatures and whatever else they are read for. */
export interface SignatureCheck {
  update(bytes: Uint8Array): void;
  /** What is known after the last byte; call it once. */
  finish(): Promise<CheckedSignatures>;
}

/**
 * Check detached signatures, each by itself. `keys` are those to check with, trusted or not; where a trusted key is among them in another copy, the
 * trusted copy counts, since it may say that it was revoked.
 */
export function checkSignatures(
  signatures: readonly Signature[],
  keys: readonly PublicKey[],
  trusted: TrustedKeys,
): SignatureCheck {
  const known = [
    ...trusted.keys,
    ...keys.filter((key) => !trusted.keys.some((better) => better.getFingerprint() === key.getFingerprint())),
  ];
  const hashes = new Map<string, Hash>();
  const begun = signatures.map((signature) => begin(signature, hashes));
  return {
    update: (bytes) => hashes.forEach((hash) => hash.update(bytes)),
    async finish() {
      const good: Signer[] = [];
      const failures: string[] = [];
      for (const one of begun) {
        const result = 'failure' in one ? one.failure : await judge(one, hashes, known, trusted);
        if (typeof result === 'string') failures.push(result);
        else good.push(result);
      }
      return { good: good.sort((a, b) => Number(b.trusted) - Number(a.trusted)), failures };
    },
  };
}

/** A signature whose file is being read. */
interface Begun {
  readonly signature: Signature;
  readonly packet: HashingPacket;
  readonly hash: string;
}

/** Signatures by the same digest, without a salt, share it. */
function begin(signature: Signature, hashes: Map<string, Hash>): Begun | { readonly failure: string } {
  const packet = signature.packets[0] as unknown as HashingPacket;
  const hash = `${String(packet.hashAlgorithm)} ${Buffer.from(packet.salt ?? []).toString('hex')}`;
  try {
    if (!hashes.has(hash)) hashes.set(hash, beginDigest(packet));
    return { signature, packet, hash };
  } catch (error) {
    return { failure: messageOf(error) };
  }
}

/** The signer, or why there is none. */
async function judge(
  { signature, packet, hash }: Begun,
  hashes: ReadonlyMap<string, Hash>,
  keys: readonly PublicKey[],
  trusted: TrustedKeys,
): Promise<Signer | string> {
  const digest = endDigest(hashes.get(hash)!.copy(), packet);
  const failures: string[] = [];
  for (const key of keys) {
    const [own] = key.getKeys(packet.issuerKeyID);
    if (own === undefined) continue;
    packet.hashed = Promise.resolve(digest);
    try {
      const message = await openpgp.createMessage({ binary: new Uint8Array() });
      const { signatures } = await openpgp.verify({ message, signature, verificationKeys: [key], format: 'binary' });
      await signatures[0]!.verified;
      if (!(packet.created instanceof Date)) throw new Error('the signature has no date');
      const fingerprint = key.getFingerprint();
      const isTrusted = [fingerprint, own.getFingerprint()].some((each) => trusted.fingerprints.has(each));
      return { fingerprint, signedAt: packet.created, trusted: isTrusted };
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  return failures[0] ?? `it is by the key ${packet.issuerKeyID.toHex()}, which is not at hand`;
}
