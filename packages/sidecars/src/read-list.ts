import type { Readable } from 'node:stream';
import { MirrorError, checkedCrateName, checkedCrateVersion, messageOf, parseCrateUrl, readLines } from '@mirror/core';
import type { CrateId } from '@mirror/core';

/** The versions that a list names. */
export interface ListedVersions {
  /** By crate name, in the spelling of the list. */
  readonly versions: ReadonlyMap<string, readonly string[]>;
  /** Lines that name no version; each message begins with the line number. */
  readonly problems: readonly string[];
  /** Whether every line is one of a change feed, which lacks what did not change. */
  readonly isFeed: boolean;
}

/**
 * Read which versions a list is about, to its end. A line is a JSON object with `name` and `vers`, as in a change feed, or with the `url`
 * of a crate file, or such a URL alone. What else it says is of no interest: the index tells what has become of the version.
 *
 * Memory: some 50 bytes for each version.
 *
 * @throws what the stream fails with
 */
export async function readList(list: Readable): Promise<ListedVersions> {
  const versions = new Map<string, string[]>();
  const problems: string[] = [];
  let isFeed = true;
  for await (const { line, text } of readLines(list)) {
    if (text?.startsWith('#') === true) continue;
    try {
      const { name, vers, isChange } = parseListLine(text);
      isFeed &&= isChange;
      const known = versions.get(name);
      if (known === undefined) versions.set(name, [vers]);
      else known.push(vers);
    } catch (error) {
      problems.push(`list:${String(line)}: ${messageOf(error)}`);
    }
  }
  return { versions, problems, isFeed };
}

function parseListLine(text: string | undefined): CrateId & { readonly isChange: boolean } {
  if (text === undefined) throw new MirrorError('ERR_INTEGRITY', 'the line is too long');
  const given = text.startsWith('{') ? (JSON.parse(text) as Readonly<Record<string, unknown>>) : { url: text.trim() };
  const { name, vers, url } = given;
  const isChange = given['change'] !== undefined;
  if (typeof name === 'string' && typeof vers === 'string')
    return { name: checkedCrateName(name), vers: checkedCrateVersion(vers), isChange };
  const id = typeof url === 'string' ? parseCrateUrl(url) : undefined;
  if (id !== undefined) return { ...id, isChange };
  throw new MirrorError('ERR_INTEGRITY', 'expected JSON with name and vers, or the URL of a crate file');
}
