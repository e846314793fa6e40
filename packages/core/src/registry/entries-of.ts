import { MirrorError } from '../errors.ts';
import type { ScannedFile } from './entry-batch.ts';
import { parseIndexEntry } from './index-entry.ts';
import type { FullIndexEntry, IndexEntry } from './index-entry.ts';

/** The lines of one index file, sorted by what counts. */
export interface CountedLines<E> {
  /** Of each version the line that counts, in the order of the file. */
  readonly entries: readonly E[];
  /** Lines whose version has another line further down, in the order of the file. */
  readonly repeated: readonly E[];
}

/** What the bytes of an index file say. */
export interface IndexFileLines extends CountedLines<FullIndexEntry> {
  /** Lines that are no entry: what is wrong, beginning with file and line. cargo skips such a line as well. */
  readonly problems: readonly string[];
}

/** One crate: what its file in the index says, sorted by what counts. */
export interface IndexFileEntries extends ScannedFile, CountedLines<IndexEntry> {
  readonly entries: readonly IndexEntry[];
}

/** A scanned file by the rule of {@link lastOfEachVersion}. */
export function countedFile(file: ScannedFile): IndexFileEntries {
  return { ...file, ...lastOfEachVersion(file.entries) };
}

/**
 * The entries of the index file at `indexPath`, read line by line with the exact parser.
 *
 * @param indexPath - `se/rd/serde`
 * @param content - the bytes of the file, or its text
 */
export function entriesOf(indexPath: string, content: Buffer | string): IndexFileLines {
  const text = typeof content === 'string' ? content : content.toString('utf8');
  const found: FullIndexEntry[] = [];
  const problems: string[] = [];
  text.split('\n').forEach((line, n) => {
    if (line.trim() === '') return;
    try {
      found.push(parseIndexEntry(line, { indexPath, line: n + 1 }));
    } catch (error) {
      if (!(error instanceof MirrorError)) throw error;
      problems.push(error.message);
    }
  });
  return { ...lastOfEachVersion(found), problems };
}

/**
 * The one rule for a version that has several lines in an index file, as cargo has it: the last one counts, whatever the others say. Real
 * indexes have such lines, some with different checksums.
 *
 * @param entries - all entries of one file, in its order
 */
export function lastOfEachVersion<E extends IndexEntry>(entries: readonly E[]): CountedLines<E> {
  if (new Set(entries.map(({ vers }) => vers)).size === entries.length) return { entries, repeated: NONE };
  const last = new Map(entries.map((entry) => [entry.vers, entry]));
  const counts = (entry: E): boolean => last.get(entry.vers) === entry;
  return { entries: entries.filter(counts), repeated: entries.filter((entry) => !counts(entry)) };
}

const NONE: readonly never[] = [];
