import { MirrorError } from '../../errors.ts';
import { parseIndexEntry } from '../index-entry.ts';
import { CONFIG } from './sparse-place.ts';

/**
 * Check every line of the index file `name`, and that its last line has an end: a page that a proxy put in the way, the file of
 * another crate and a body that was cut must not become an index file.
 *
 * @returns its versions
 * @throws {MirrorError} ERR_INTEGRITY with file, line and what is wrong
 */
export function checkIndexFile(name: string, bytes: Buffer): ReadonlySet<string> {
  if (name === CONFIG) return checkConfig(bytes);
  const lines = bytes.toString('utf8').split('\n');
  const last = lines.pop();
  const versions = new Set<string>();
  for (const [n, text] of lines.entries()) {
    if (text !== '') versions.add(parseIndexEntry(text, { indexPath: name, line: n + 1 }).vers);
  }
  if (last === '' && versions.size > 0) return versions;
  if (last === '') throw new MirrorError('ERR_INTEGRITY', `${name}: the file holds no version`);
  throw new MirrorError(
    'ERR_INTEGRITY',
    `${name}:${String(lines.length + 1)}: the last line has no end: the file was cut off`,
  );
}

/** The versions that the lines of a local file name; lines that cannot be read name none. */
export function versionsOf(name: string, bytes: Buffer): Set<string> {
  const versions = new Set<string>();
  for (const text of bytes.toString('utf8').split('\n')) {
    try {
      if (text !== '') versions.add(parseIndexEntry(text, { indexPath: name, line: 0 }).vers);
    } catch {
      // it is replaced by what can be read
    }
  }
  return versions;
}

function checkConfig(bytes: Buffer): ReadonlySet<string> {
  let config: unknown;
  try {
    config = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new MirrorError('ERR_INTEGRITY', `${CONFIG}: not JSON`, { cause });
  }
  if (typeof config === 'object' && config !== null && !Array.isArray(config)) return new Set();
  throw new MirrorError('ERR_INTEGRITY', `${CONFIG}: expected a JSON object`);
}
