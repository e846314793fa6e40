import { createReadStream } from 'node:fs';
import { MirrorError } from '@mirror/core/errors';
import { isSha256, readJsonLines } from '@mirror/core/io';
import type { Sha256 } from '@mirror/core/io';
import { parseCrateUrl, withoutCredentials } from '@mirror/core/registry';
import type { Selection } from '@mirror/core/registry';

/** Digests by URL; see `checksumKey`. */
export type Checksums = ReadonlyMap<string, Sha256>;

/**
 * Read digests from JSON lines `{url, sha256}`; hex digits of either case.
 *
 * @throws {MirrorError} ERR_CONFIG for a line that is not such an object, or that gives a URL another digest than an earlier line;
 *   ERR_IO when the file cannot be read
 */
export async function readChecksums(file: string): Promise<Map<string, Sha256>> {
  const checksums = new Map<string, Sha256>();
  const refuse = (line: number, message: string): never => {
    throw new MirrorError('ERR_CONFIG', `${file}:${String(line)}: ${message}`);
  };
  for await (const each of readJsonLines(createReadStream(file))) {
    if (!each.ok) refuse(each.line, each.message);
    else {
      const { url, sha256, cksum } = (each.value ?? {}) as Readonly<Record<string, unknown>>;
      const digest = digestOf(sha256 ?? cksum);
      if (typeof url !== 'string' || digest === undefined)
        return refuse(each.line, 'expected {"url": …, "sha256": 64 hex digits}');
      const key = checksumKey(withoutCredentials(url));
      if ((checksums.get(key) ?? digest) !== digest) refuse(each.line, 'another line gives this URL another digest');
      checksums.set(key, digest);
    }
  }
  return checksums;
}

/** A digest in the one form that is compared: 64 lower-case hex digits; undefined for what is none. */
export function digestOf(value: unknown): Sha256 | undefined {
  const lower = typeof value === 'string' ? value.toLowerCase() : undefined;
  return isSha256(lower) ? lower : undefined;
}

/** What stands for a URL in `Checksums`: a `+` in it may be written as `%2B`, as crates.io itself does. */
export function checksumKey(url: string): string {
  return url.replaceAll('+', '%2B').replaceAll('%2b', '%2B');
}

/** Looks digests up, and knows in the end which ones nothing has asked for. */
export interface ChecksumLookup {
  /** The digest of a file that is at any of these addresses. */
  of(urls: readonly string[]): Sha256 | undefined;
  /** URLs of crates that `selection` may mean, and of other files, that no file had; credentials are left out. */
  unused(selection: Selection): readonly string[];
}

/** A lookup in `checksums`. */
export function createChecksumLookup(checksums: Checksums): ChecksumLookup {
  const used = new Set<string>();
  return {
    of: (urls) => {
      if (checksums.size === 0) return undefined;
      const keys = urls.map(checksumKey).filter((key) => checksums.has(key));
      for (const key of keys) used.add(key);
      return keys[0] === undefined ? undefined : checksums.get(keys[0]);
    },
    unused: ({ names }) => {
      const wanted = names === undefined ? undefined : new Set(names);
      const isWanted = (url: string): boolean => {
        const crate = wanted === undefined ? undefined : parseCrateUrl(url);
        return crate === undefined || wanted?.has(crate.name.toLowerCase()) === true;
      };
      return [...checksums.keys()].filter((url) => !used.has(url) && isWanted(url)).map(withoutCredentials);
    },
  };
}
