import type { ReplacedVersion } from './sync-state.ts';

/** What a new state of an index file does to the versions of the old one. */
export interface LineComparison {
  /** Versions of the old state. */
  readonly held: number;
  /** Those that the new state lacks. */
  readonly gone: number;
  /** Those whose checksum differs. */
  readonly replaced: readonly ReplacedVersion[];
}

interface Version {
  readonly name: string;
  readonly cksum: string;
}

/**
 * Compare two states of an index file, without judging their lines: a line that cannot be read is taken for what it may have been, so
 * that it is never taken for a removal.
 */
export function compareLines(before: Buffer, after: Buffer): LineComparison {
  const [olds, news] = [linesOf(before), linesOf(after)];
  const fresh = new Map<string, Version | undefined>();
  let unreadable = 0;
  for (const line of news) {
    if (olds.has(line)) continue;
    const found = versionOf(line);
    if (found === undefined) unreadable++;
    else fresh.set(found.vers, found.version);
  }
  let gone = 0;
  const replaced: ReplacedVersion[] = [];
  for (const line of olds) {
    const found = news.has(line) ? undefined : versionOf(line);
    if (found === undefined) continue;
    const { vers, version } = found;
    if (!fresh.has(vers)) {
      gone++;
      continue;
    }
    const now = fresh.get(vers);
    if (version !== undefined && now !== undefined && now.cksum !== version.cksum)
      replaced.push({ name: version.name, vers, previous_cksum: version.cksum, cksum: now.cksum });
  }
  return { held: olds.size, gone: Math.max(0, gone - unreadable), replaced };
}

/**
 * The version that a line speaks of, as far as that can be seen. Without `version` only its number can be read.
 */
export function versionOf(line: string): { readonly vers: string; readonly version: Version | undefined } | undefined {
  try {
    const { name, vers, cksum } = JSON.parse(line) as Record<string, unknown>;
    if (typeof vers !== 'string') return undefined;
    const isWhole = typeof name === 'string' && typeof cksum === 'string';
    return { vers, version: isWhole ? { name, cksum: cksum.toLowerCase() } : undefined };
  } catch {
    const vers = /"vers"\s*:\s*"([^"\\]+)"/.exec(line)?.[1];
    return vers === undefined ? undefined : { vers, version: undefined };
  }
}

function linesOf(bytes: Buffer): Set<string> {
  return new Set(
    bytes
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== ''),
  );
}
