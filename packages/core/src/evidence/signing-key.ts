import { createReadStream } from 'node:fs';
import type { PrivateKey, SignaturePacket } from 'openpgp';
import { MirrorError, messageOf } from '../errors.ts';
import { beginDigest, endDigest } from './digest-to-sign.ts';
import type { HashingPacket } from './digest-to-sign.ts';
import { isArmored, readNamed } from './key-files.ts';
import { openpgp } from './openpgp-library.ts';

/** A key that can sign, ready for use. */
export interface SigningKey {
  /** Fingerprint of the primary key, in lower-case hex. */
  readonly fingerprint: string;
  /** The public part, armored, for those who verify. */
  readonly publicKey: string;
  /** The private part, armored, for keeping; it is not protected by a passphrase. */
  readonly privateKey: string;
  /** A detached armored signature of the bytes of `file`. Memory does not depend on its size. */
  sign(file: string): Promise<string>;
}

/** A key that was just made. */
export interface NewSigningKey extends SigningKey {
  /** Armored; imported by those who have the public key, it says that the key is not to be trusted any more. */
  readonly revocation: string;
}

/**
 * Make a new key: EdDSA over Curve25519 in the form of RFC 4880 (algorithm 22), which gpg 2.2 reads too. It never
 * expires and has no passphrase.
 */
export async function createSigningKey(userName: string): Promise<NewSigningKey> {
  const made = await openpgp.generateKey({
    type: 'ecc',
    curve: 'ed25519Legacy',
    userIDs: [{ name: userName }],
    format: 'object',
  });
  return { ...signingKey(made.privateKey), revocation: made.revocationCertificate };
}

/**
 * Read a private key, armored or binary, such as `gpg --export-secret-keys` writes it.
 *
 * @param passphrase - asked for when the key is protected; undefined means that there is none to be had
 * @throws {MirrorError} ERR_CONFIG when it is not a private key, the passphrase is wrong or missing, or it cannot sign; ERR_IO when
 * it cannot be read
 */
export async function loadSigningKey(
  file: string,
  passphrase: () => string | undefined | Promise<string | undefined>,
): Promise<SigningKey> {
  const key = await readPrivateKey(file);
  const open = key.isDecrypted() ? key : await unlock(key, file, await passphrase());
  try {
    await open.getSigningKey();
  } catch (cause) {
    throw new MirrorError('ERR_CONFIG', `${file}: the key cannot sign: ${messageOf(cause)}`, { cause });
  }
  return signingKey(open);
}

function signingKey(key: PrivateKey): SigningKey {
  return {
    fingerprint: key.getFingerprint(),
    publicKey: key.toPublic().armor(),
    privateKey: key.armor(),
    sign: (file) => signFile(key, file),
  };
}

async function signFile(key: PrivateKey, file: string): Promise<string> {
  const { keyPacket } = await key.getSigningKey();
  if (!('privateParams' in keyPacket)) throw new MirrorError('ERR_CONFIG', 'the signing key has no private part');
  const packet = new openpgp.SignaturePacket() as HashingPacket;
  packet.signatureType = openpgp.enums.signature.binary;
  packet.publicKeyAlgorithm = keyPacket.algorithm;
  packet.hashAlgorithm = openpgp.enums.hash.sha512;
  packet.hash = async () => {
    const hash = beginDigest(packet);
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
    return endDigest(hash, packet);
  };
  await packet.sign(keyPacket, NO_DATA, new Date(), true, openpgp.config);
  const packets = new openpgp.PacketList<SignaturePacket>();
  packets.push(packet);
  return new openpgp.Signature(packets).armor();
}

/** Stands for the file where the library asks for its bytes; being a stream, they are never taken for the signed ones. */
const NO_DATA: object = { text: null, getBytes: () => new Blob([]).stream() };

async function readPrivateKey(file: string): Promise<PrivateKey> {
  const bytes = await readNamed('private key', file);
  try {
    return isArmored(bytes)
      ? await openpgp.readPrivateKey({ armoredKey: bytes.toString() })
      : await openpgp.readPrivateKey({ binaryKey: bytes });
  } catch (cause) {
    throw new MirrorError('ERR_CONFIG', `${file}: not a private OpenPGP key: ${messageOf(cause)}`, {
      cause,
      hint: 'gpg --export-secret-keys --armor KEYID writes one',
    });
  }
}

async function unlock(key: PrivateKey, file: string, passphrase: string | undefined): Promise<PrivateKey> {
  if (passphrase === undefined) {
    throw new MirrorError('ERR_CONFIG', `${file}: the key is protected by a passphrase`, {
      hint: 'give it by --passphrase-file, or in MIRROR_GPG_PASSPHRASE',
    });
  }
  try {
    return await openpgp.decryptKey({ privateKey: key, passphrase });
  } catch (cause) {
    throw new MirrorError('ERR_CONFIG', `${file}: the passphrase does not open the key`, { cause });
  }
}
