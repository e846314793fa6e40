import { MirrorError, createCrateUrl, isIndexPath, parseIndexEntry, type IndexEntry } from '@mirror/core';
import { openObjectStore, readRef, type ObjectStore } from '@mirror/core/git';
import { dropRef, setRef } from './git/git-dir.ts';
import { changesBetween } from './sync-index.ts';
import { ACKNOWLEDGED_REF, EMITTED_REF } from './sync-state.ts';

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
  /** Of a replaced version: the checksum it had before. */
  readonly previous_cksum?: string;
}

/** A line of the index that cannot be read; it makes no change. */
export type OnProblem = (error: MirrorError) => void;

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
export function compareIndexFiles(indexPath: string, before: string, after: string, urlOf: (entry: IndexEntry) => string, onProblem: OnProblem): ChangeRecord[] {
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
  const { name, vers, cksum, yanked } = entry;
  return { change, name, vers, cksum, url: urlOf(entry), yanked };
}

function versionsOf(indexPath: string, text: string, onProblem: OnProblem): Map<string, IndexEntry> {
  const versions = new Map<string, IndexEntry>();
  text.split('\n').forEach((line, n) => {
    if (line.trim() === '') return;
    try {
      const entry = parseIndexEntry(line, { indexPath, line: n + 1 });
      versions.delete(entry.vers);
      versions.set(entry.vers, entry);
    } catch (error) {
      if (!(error instanceof MirrorError)) throw error;
      onProblem(error);
    }
  });
  return versions;
}

/** How a feed is made. */
export interface ChangeFeedOptions {
  /** Base address of crate files (see `createCrateUrl` of @mirror/core). */
  readonly cratesBaseUrl: string;
  readonly onProblem: OnProblem;
}

/**
 * Everything that changed between the acknowledged state of the index and the present one, in path order. Nothing
 * acknowledged yet: everything, as `added`. Read as often as you like; only `acknowledge` makes it shorter.
 *
 * @param gitDir - repository of the index
 * @throws {MirrorError} ERR_IO when there is no index yet; ERR_INTEGRITY for damaged objects
 */
export function* changeFeed(gitDir: string, options: ChangeFeedOptions): Generator<ChangeRecord, void, undefined> {
  const commit = readRef(gitDir, 'HEAD');
  if (commit === undefined) throw new MirrorError('ERR_IO', `${gitDir}: no index there yet`);
  const store = openObjectStore(gitDir);
  try {
    yield* recordsBetween(store, readRef(gitDir, ACKNOWLEDGED_REF), commit, options);
  } finally {
    store.close();
  }
}

function* recordsBetween(store: ObjectStore, from: string | undefined, to: string, { cratesBaseUrl, onProblem }: ChangeFeedOptions): Generator<ChangeRecord> {
  const urlOf = createCrateUrl(cratesBaseUrl);
  const textOf = (state: { id: string } | undefined): string => (state === undefined ? '' : store.readAs(state.id, 'blob').toString('utf8'));
  for (const { path, before, after } of changesBetween(store, from, to)) {
    if (isIndexPath(path)) yield* compareIndexFiles(path, textOf(before), textOf(after), urlOf, onProblem);
  }
}

/** Remember that the feed up to the present state was handed out. */
export function markEmitted(gitDir: string): void {
  const commit = readRef(gitDir, 'HEAD');
  if (commit !== undefined) setRef(gitDir, EMITTED_REF, commit);
}

/**
 * The consumer is done with the feed handed out last: the next one begins after it. Gives the commit, or undefined when
 * no feed was handed out since.
 */
export function acknowledgeEmitted(gitDir: string): string | undefined {
  const commit = readRef(gitDir, EMITTED_REF);
  if (commit === undefined) return undefined;
  setRef(gitDir, ACKNOWLEDGED_REF, commit);
  dropRef(gitDir, EMITTED_REF);
  return commit;
}

/** Everything up to `commit` is done with, whether a feed was handed out or not. */
export function acknowledge(gitDir: string, commit: string): void {
  setRef(gitDir, ACKNOWLEDGED_REF, commit);
  dropRef(gitDir, EMITTED_REF);
}
