import {
  createCrateUrl,
  entriesOf,
  isIndexPath,
  readIndexFiles,
  type FullIndexEntry,
  type IndexEntry,
} from '@mirror/core';
import type { ObjectStore } from '@mirror/core/git';
import type { ChangeFeedOptions } from './changes.ts';
import { versionOf } from './compare-lines.ts';
import { changesBetween } from './git/commit-diff.ts';

/** What happened to one version. */
export type ChangeKind = 'added' | 'yanked' | 'unyanked' | 'removed' | 'replaced' | 'updated';

/** One line of the change feed. */
export interface ChangeRecord {
  readonly change: ChangeKind;
  readonly name: string;
  readonly vers: string;
  /** SHA-256 of the crate file; of a removed version the last one known. */
  readonly cksum: string;
  /** Where the crate file is, or was. */
  readonly url: string;
  readonly yanked: boolean;
  /** When it was published, as its line says it; left out when it does not. */
  readonly pubtime?: string;
  /** Of a replaced version: the checksum it had before. */
  readonly previous_cksum?: string;
  /** Of a version that was there before: the fields of its line that differ. */
  readonly fields?: readonly string[];
}

/** Told what is wrong with a line of the index that cannot be read; such a line makes no change. */
export type OnProblem = (message: string) => void;

/**
 * What differs between two states of one index file, version by version: in the order of the new file, then what was
 * removed in the order of the old one. Lines that say the same in other words (order of keys, spaces) make no record; of a
 * version that stands there twice the last line counts.
 *
 * - `added`, `removed`: the version is only in the new or the old state
 * - `replaced`: another checksum
 * - `yanked`, `unyanked`: the mark changed (and perhaps other fields)
 * - `updated`: only other fields changed
 *
 * A line that cannot be read is never a removal: its version stays as it was. When not even the version can be read, nothing of the
 * file counts as removed.
 */
export function compareIndexFiles(
  indexPath: string,
  before: string,
  after: string,
  urlOf: (entry: IndexEntry) => string,
  onProblem: OnProblem,
): ChangeRecord[] {
  if (before === after) return [];
  const olds = versionsOf(indexPath, before, () => undefined); // what is wrong with them was told in their time
  const news = versionsOf(indexPath, after, onProblem);
  const records: ChangeRecord[] = [];
  for (const [vers, entry] of news.entries) {
    const old = olds.entries.get(vers);
    const fields = old === undefined ? [] : changedFields(old.text, entry.text);
    const kind = kindOf(old, entry, fields);
    if (kind === undefined) continue;
    const record = recordOf(kind, entry, urlOf);
    records.push({
      ...record,
      ...(kind === 'replaced' ? { previous_cksum: (old as IndexEntry).cksum } : {}),
      ...(kind === 'added' ? {} : { fields }),
    });
  }
  if (news.hasUnknown) return records;
  for (const [vers, entry] of olds.entries) {
    if (!news.entries.has(vers) && !news.unreadable.has(vers)) records.push(recordOf('removed', entry, urlOf));
  }
  return records;
}

function kindOf(old: IndexEntry | undefined, entry: IndexEntry, fields: readonly string[]): ChangeKind | undefined {
  if (old === undefined) return 'added';
  if (fields.length === 0) return undefined;
  if (old.cksum !== entry.cksum) return 'replaced';
  if (old.yanked !== entry.yanked) return entry.yanked ? 'yanked' : 'unyanked';
  return 'updated';
}

// in the order of the new line
function changedFields(before: string, after: string): string[] {
  if (before === after) return [];
  const [old, fresh] = [JSON.parse(before), JSON.parse(after)] as [Record<string, unknown>, Record<string, unknown>];
  return [...new Set([...Object.keys(fresh), ...Object.keys(old)])].filter(
    (field) => canonical(old[field]) !== canonical(fresh[field]),
  );
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    ) ?? ''
  );
}

function recordOf(change: ChangeKind, entry: IndexEntry, urlOf: (entry: IndexEntry) => string): ChangeRecord {
  const { name, vers, cksum, yanked, pubtime } = entry;
  return { change, name, vers, cksum, url: urlOf(entry), yanked, ...(pubtime === undefined ? {} : { pubtime }) };
}

interface Versions {
  readonly entries: ReadonlyMap<string, FullIndexEntry>;
  /** Versions with a line that cannot be read. */
  readonly unreadable: ReadonlySet<string>;
  /** Whether a line does not even show its version. */
  readonly hasUnknown: boolean;
}

function versionsOf(indexPath: string, text: string, onProblem: OnProblem): Versions {
  const { entries, repeated, problems } = entriesOf(indexPath, text);
  problems.forEach(onProblem);
  const versions = new Map(entries.map((entry) => [entry.vers, entry]));
  if (problems.length === 0) return { entries: versions, unreadable: new Set(), hasUnknown: false };
  const readable = new Set([...entries, ...repeated].map((entry) => entry.text));
  const others = text.split('\n').filter((line) => line.trim() !== '' && !readable.has(line));
  const found = others.map((line) => versionOf(line)?.vers);
  return {
    entries: versions,
    unreadable: new Set(found.filter((vers) => vers !== undefined)),
    hasUnknown: found.includes(undefined),
  };
}

/** Every version of the index in `dir`, as `added`. */
export async function* everything(
  dir: string,
  { cratesBaseUrl, onProblem }: ChangeFeedOptions,
): AsyncGenerator<ChangeRecord> {
  const urlOf = createCrateUrl(cratesBaseUrl);
  const onBadLine = ({ message }: { readonly message: string }): void => onProblem(message);
  for await (const { entries } of readIndexFiles(dir, { onProblem: onBadLine })) {
    for (const entry of entries) yield recordOf('added', entry, urlOf);
  }
}

/** What differs between two commits of which all objects are here, in path order. */
export function* recordsBetween(
  store: ObjectStore,
  from: string,
  to: string,
  options: ChangeFeedOptions,
): Generator<ChangeRecord> {
  const urlOf = createCrateUrl(options.cratesBaseUrl);
  const textOf = (state: { id: string } | undefined): string =>
    state === undefined ? '' : store.readAs(state.id, 'blob').toString('utf8');
  for (const { path, before, after } of changesBetween(store, from, to)) {
    if (isIndexPath(path)) yield* compareIndexFiles(path, textOf(before), textOf(after), urlOf, options.onProblem);
  }
}

/** What differs between earlier and present bytes of single files. */
export function* recordsOfFiles(
  files: Iterable<{ readonly indexPath: string; readonly before: string; readonly after: string }>,
  { cratesBaseUrl, onProblem }: ChangeFeedOptions,
): Generator<ChangeRecord> {
  const urlOf = createCrateUrl(cratesBaseUrl);
  for (const { indexPath, before, after } of files)
    yield* compareIndexFiles(indexPath, before, after, urlOf, onProblem);
}
