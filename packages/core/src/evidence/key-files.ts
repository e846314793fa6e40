import { readFile } from 'node:fs/promises';
import type { PublicKey, Signature } from 'openpgp';
import { MirrorError, messageOf } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { openpgp } from './openpgp-library.ts';

/**
 * All public keys in a file, armored or binary, also when several are written one after the other.
 *
 * @throws {MirrorError} `code` when there is none, ERR_IO when the file cannot be read
 */
export async function readPublicKeys(file: string, code: ErrorCode = 'ERR_SIGNATURE'): Promise<PublicKey[]> {
  return readPublicKeysIn(await readNamed('public key', file), file, code);
}

/** The same for bytes that come from `file`. */
export async function readPublicKeysIn(
  bytes: Buffer,
  file: string,
  code: ErrorCode = 'ERR_SIGNATURE',
): Promise<PublicKey[]> {
  try {
    const lists = isArmored(bytes)
      ? await Promise.all(blocksOf(bytes, 'PUBLIC KEY BLOCK').map((armoredKeys) => openpgp.readKeys({ armoredKeys })))
      : [await openpgp.readKeys({ binaryKeys: bytes })];
    const keys = lists.flat().map((key) => key.toPublic());
    if (keys.length === 0) throw new Error('it holds none');
    return keys;
  } catch (cause) {
    throw new MirrorError(code, `${file}: not a public OpenPGP key: ${messageOf(cause)}`, { cause });
  }
}

/**
 * All signatures in a file, armored or binary, also when several are written one after the other.
 *
 * @throws {MirrorError} ERR_SIGNATURE when it holds something else or none, ERR_IO when the file cannot be read
 */
export async function readSignatures(file: string): Promise<Signature[]> {
  return readSignaturesIn(await readNamed('signature', file), file);
}

/** The same for bytes that come from `file`. */
export async function readSignaturesIn(bytes: Buffer, file: string): Promise<Signature[]> {
  try {
    const found = isArmored(bytes)
      ? await Promise.all(
          blocksOf(bytes, 'SIGNATURE').map((armoredSignature) => openpgp.readSignature({ armoredSignature })),
        )
      : [await openpgp.readSignature({ binarySignature: bytes })];
    const each = found.flatMap(({ packets }) => [...packets].map(signatureOf));
    if (each.length === 0) throw new Error('it holds none');
    return each;
  } catch (cause) {
    throw new MirrorError('ERR_SIGNATURE', `${file}: not an OpenPGP signature: ${messageOf(cause)}`, { cause });
  }
}

/** The bytes of a small file; an error says `what` it should have been. */
export async function readNamed(what: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new MirrorError('ERR_IO', `cannot read the ${what} ${file}: ${messageOf(cause)}`, { cause });
  }
}

/** Whether it is text for people, not binary. */
export function isArmored(bytes: Buffer): boolean {
  return bytes.subarray(0, 4096).toString('latin1').includes('-----BEGIN PGP');
}

/** The armored blocks of a text, which the library would read the first of. What stands between them must be no block of another kind. */
function blocksOf(bytes: Buffer, kind: string): string[] {
  const text = bytes.toString();
  const blocks = text.match(new RegExp(`^-----BEGIN PGP ${kind}-----$[^]*?^-----END PGP ${kind}-----$`, 'gm')) ?? [];
  const begun = text.match(/^-----BEGIN PGP /gm)?.length ?? 0;
  if (blocks.length !== begun) throw new Error(`expected nothing but blocks that begin with BEGIN PGP ${kind}`);
  return blocks;
}

function signatureOf(packet: Signature['packets'][number]): Signature {
  const packets = new openpgp.PacketList<Signature['packets'][number]>();
  packets.push(packet);
  return new openpgp.Signature(packets);
}
