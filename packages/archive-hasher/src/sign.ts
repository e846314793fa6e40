// The only file that knows OpenPGP.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import * as openpgp from 'openpgp';
import { MirrorError, messageOf } from '@mirror/core/errors';

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

/**
 * Make a new key: EdDSA over Curve25519 in the form of RFC 4880 (algorithm 22), which gpg 2.2 reads too. It never
 * expires and has no passphrase.
 */
export async function createSigningKey(userName: string): Promise<SigningKey> {
  const made = await openpgp.generateKey({
    type: 'ecc',
    curve: 'ed25519Legacy',
    userIDs: [{ name: userName }],
    format: 'object',
  });
  return signingKey(made.privateKey);
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

/** Who made a signature. */
export interface Signer {
  /** Fingerprint of the primary key, in lower-case hex. */
  readonly fingerprint: string;
  /** When it was signed. */
  readonly signedAt: Date;
}

/**
 * Check a detached signature of the bytes of `file` by one of the keys in `publicKeyFile` (armored or binary). Memory does
 * not depend on the size of the file.
 *
 * @throws {MirrorError} ERR_SIGNATURE when there is no good signature by one of these keys; ERR_IO when one of the files cannot be read
 */
export async function verifySignature(file: string, signatureFile: string, publicKeyFile: string): Promise<Signer> {
  const keys = await readPublicKeys(publicKeyFile);
  const signature = await readSignature(signatureFile);
  for (const packet of signature.packets as unknown as HashingPacket[]) {
    packet.hashed = digestToSign(packet, file);
    packet.hashed.catch(() => undefined); // told when the library asks for it
  }
  const message = await openpgp.createMessage({ binary: new Uint8Array() });
  const { signatures } = await openpgp.verify({ message, signature, verificationKeys: keys, format: 'binary' });
  const failures: string[] = [];
  for (const { keyID, verified, signature: packets } of signatures) {
    const key = keys.find((each) => each.getKeys(keyID).length > 0);
    if (key === undefined) {
      failures.push(`it is by the key ${keyID.toHex()}, which is not in ${publicKeyFile}`);
      verified.catch(() => undefined);
      continue;
    }
    try {
      await verified;
      const signedAt = (await packets).packets[0]?.created;
      if (!(signedAt instanceof Date)) throw new Error('the signature has no date');
      return { fingerprint: key.getFingerprint(), signedAt };
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  throw new MirrorError(
    'ERR_SIGNATURE',
    `${signatureFile}: no good signature of ${file}: ${failures.join('; ') || 'it holds none'}`,
  );
}

function signingKey(key: openpgp.PrivateKey): SigningKey {
  return {
    fingerprint: key.getFingerprint(),
    publicKey: key.toPublic().armor(),
    privateKey: key.armor(),
    sign: (file) => signFile(key, file),
  };
}

async function signFile(key: openpgp.PrivateKey, file: string): Promise<string> {
  const { keyPacket } = await key.getSigningKey();
  if (!('privateParams' in keyPacket)) throw new MirrorError('ERR_CONFIG', 'the signing key has no private part');
  const packet = new openpgp.SignaturePacket() as HashingPacket;
  packet.signatureType = openpgp.enums.signature.binary;
  packet.publicKeyAlgorithm = keyPacket.algorithm;
  packet.hashAlgorithm = openpgp.enums.hash.sha512;
  packet.hash = () => digestToSign(packet, file);
  await packet.sign(keyPacket, NO_DATA, new Date(), true, openpgp.config);
  const packets = new openpgp.PacketList<openpgp.SignaturePacket>();
  packets.push(packet);
  return new openpgp.Signature(packets).armor();
}

/**
 * A signature packet with the two places where it computes a digest or takes one that is known. The library itself would
 * hold the whole file, twice: for a gigabyte it takes 2.2 GB.
 */
type HashingPacket = Omit<openpgp.SignaturePacket, 'sign'> &
  openpgp.SignaturePacket & {
    hash: () => Promise<Uint8Array>;
    hashed?: Promise<Uint8Array>;
    readonly salt?: Uint8Array | null;
    sign(
      key: openpgp.AnySecretKeyPacket,
      data: object,
      date: Date,
      detached: boolean,
      config: openpgp.Config,
    ): Promise<void>;
  };

/** Stands for the file where the library asks for its bytes; being a stream, they are never taken for the signed ones. */
const NO_DATA: object = { text: null, getBytes: () => new Blob([]).stream() };

/** The digest that a binary signature signs: of the file, the hashed part of the packet, and its length (RFC 9580, 5.2.4). */
async function digestToSign(packet: HashingPacket, file: string): Promise<Uint8Array> {
  const { version, signatureType, hashAlgorithm, signatureData, salt } = packet;
  const name = HASHES.get(hashAlgorithm ?? 0);
  if (
    signatureType !== openpgp.enums.signature.binary ||
    (version !== 4 && version !== 6) ||
    name === undefined ||
    signatureData === null
  ) {
    throw new Error('not a kind of signature that is made for files');
  }
  const hash = createHash(name);
  hash.update(salt ?? new Uint8Array());
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
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

async function readPrivateKey(file: string): Promise<openpgp.PrivateKey> {
  const bytes = await read('private key', file);
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

async function unlock(
  key: openpgp.PrivateKey,
  file: string,
  passphrase: string | undefined,
): Promise<openpgp.PrivateKey> {
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

async function readPublicKeys(file: string): Promise<openpgp.PublicKey[]> {
  const bytes = await read('public key', file);
  try {
    const keys = isArmored(bytes)
      ? await openpgp.readKeys({ armoredKeys: bytes.toString() })
      : await openpgp.readKeys({ binaryKeys: bytes });
    return keys.map((key) => key.toPublic());
  } catch (cause) {
    throw new MirrorError('ERR_SIGNATURE', `${file}: not a public OpenPGP key: ${messageOf(cause)}`, { cause });
  }
}

async function readSignature(file: string): Promise<openpgp.Signature> {
  const bytes = await read('signature', file);
  try {
    return isArmored(bytes)
      ? await openpgp.readSignature({ armoredSignature: bytes.toString() })
      : await openpgp.readSignature({ binarySignature: bytes });
  } catch (cause) {
    throw new MirrorError('ERR_SIGNATURE', `${file}: not an OpenPGP signature: ${messageOf(cause)}`, { cause });
  }
}

async function read(what: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new MirrorError('ERR_IO', `cannot read the ${what} ${file}: ${messageOf(cause)}`, { cause });
  }
}

function isArmored(bytes: Buffer): boolean {
  return bytes.subarray(0, 4096).toString('latin1').includes('-----BEGIN PGP');
}
