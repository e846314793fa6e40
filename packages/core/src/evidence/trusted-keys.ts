import type { PublicKey } from 'openpgp';
import { MirrorError } from '../errors.ts';
import { readPublicKeys } from './key-files.ts';

/** The keys whose signatures are believed, because the user has named them. */
export interface TrustedKeys {
  /** Of primary keys or of single signing subkeys, in lower-case hex. */
  readonly fingerprints: ReadonlySet<string>;
  /** Those that were given as files. */
  readonly keys: readonly PublicKey[];
}

/**
 * Read what the user has named as trusted: each a whole fingerprint, or a file with public keys, all of which are trusted then.
 *
 * @throws {MirrorError} ERR_USAGE for a short key id, which anyone can make a key for; ERR_CONFIG for a file without keys; ERR_IO for one that
 * cannot be read
 */
export async function readTrustedKeys(named: readonly string[]): Promise<TrustedKeys> {
  const fingerprints = new Set<string>();
  const keys: PublicKey[] = [];
  for (const each of named) {
    const hex = each.replace(/^0x/i, '').replaceAll(/[\s:]/g, '').toLowerCase();
    if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hex)) {
      fingerprints.add(hex);
    } else if (/^[0-9a-f]+$/.test(hex) && !/[./\\]/.test(each) && hex.length >= 8) {
      throw new MirrorError(
        'ERR_USAGE',
        `expected a whole fingerprint of 40 or 64 hex digits, or a file, found ${JSON.stringify(each)}`,
        { hint: 'others can make a key with the same short id; a file with such a name is given as ./NAME' },
      );
    } else {
      const found = await readPublicKeys(each, 'ERR_CONFIG');
      keys.push(...found);
      for (const key of found) fingerprints.add(key.getFingerprint());
    }
  }
  return { fingerprints, keys };
}

/** Nobody is trusted. */
export const NO_TRUSTED_KEYS: TrustedKeys = { fingerprints: new Set(), keys: [] };
