import { createCrateUrl, entriesOf, isIndexPath, readIndexFiles, type IndexEntry } from '@mirror/core';
import type { ObjectStore } from '@mirror/core/git';
import type { ChangeFeedOptions } from './changes.ts';
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
}

/** Told what is wrong with a line of the index that cannot be read; such a line makes no change. */
export type OnProblem = (message: string) => void;

/**
 * What differs between two states of one index file, version by version: in the order of the new file, then what was
 * removed in the order of the old one. Lines with equal bytes make no record; of a version that stands there twice the
 * last line counts.
 *
 * - `added`, `removed`: the version is only in the new or the old state
 * - `replaced`: another checksum
 * - `yanked`, `unyanked`: the mark changed (and perhaps other fields)
 * - `updated`: only other fields changed
 */
export function compareIndexFiles(
  indexPath: string,
  before: string,
  after: string,
  urlOf: (entry: IndexEntry) => string,
  onProblem: OnProblem,
): ChangeRecord[] {
  if (before === after) return [];
  const olds = versionsOf(indexPath, before, onProblem);
  const news = versionsOf(indexPath, after, onProblem);
  const records: ChangeRecord[] = [];
  for (const [vers, entry] of news) {
    const kind = kindOf(olds.get(vers), entry);
    if (kind === undefined) continue;
    const record = recordOf(kind, entry, urlOf);
    records.push(kind === 'replaced' ? { ...record, previous_cksum: (olds.get(vers) as IndexEntry).cksum } : record);
  }
  for (const [vers, entry] of olds) if (!news.has(vers)) records.push(recordOf('removed', entry, urlOf));
  return records;
}

function kindOf(old: IndexEntry | undefined, entry: IndexEntry): ChangeKind | undefined {
  if (old === undefined) return 'added';
  if (old.text === entry.text) return undefined;
  if (old.cksum !== entry.cksum) return 'replaced';
  if (old.yanked !== entry.yanked) return entry.yanked ? 'yanked' : 'unyanked';
  return 'updated';
}

function recordOf(change: ChangeKind, entry: IndexEntry, urlOf: (entry: IndexEntry) => string): ChangeRecord {
  const { name, vers, cksum, yanked, pubtime } = entry;
  return { change, name, vers, cksum, url: urlOf(entry), yanked, ...(pubtime === undefined ? {} : { pubtime }) };
}

function versionsOf(indexPath: string, text: string, onProblem: OnProblem): Map<string, IndexEntry> {
  const { entries, problems } = entriesOf(indexPath, text);
  for (const message of problems) onProblem(message);
  return new Map(entries.map((entry) => [entry.vers, entry]));
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
