import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { ifThere } from '@mirror/core';
import type { IndexTime } from './mirror-state.ts';

/**
 * When an index was brought up to date, from what tells most to what tells least. The latest publication is the last resort: an index that
 * was updated a minute ago may well have none of today.
 *
 * @param roots - folders of crate files; an import leaves its record there
 * @param commitMs - the time of the index's commit
 */
export function readIndexTime(
  indexDir: string,
  roots: readonly string[],
  commitMs: number | undefined,
  publishedMs: number | undefined,
): IndexTime | undefined {
  const imported = Math.max(0, ...roots.map((root) => lastImport(root) ?? 0));
  const commit = commitMs ?? 0;
  if (imported > 0 && imported >= commit) return { at: imported, of: 'import' };
  if (commit > 0) return { at: commit, of: 'commit' };
  const synced = ifThere(() => statSync(path.join(indexDir, '.mirror-index-sync', 'etags.json')))?.mtimeMs;
  if (synced !== undefined) return { at: synced, of: 'sync' };
  const written = writtenAt(indexDir);
  // files that were copied are no older than what is in them
  if (written !== undefined && written >= (publishedMs ?? 0)) return { at: written, of: 'file' };
  return publishedMs === undefined ? undefined : { at: publishedMs, of: 'published' };
}

/** When the set was made that was imported last. */
function lastImport(root: string): number | undefined {
  const text = ifThere(() => readFileSync(path.join(root, '.mirror', 'sets.jsonl'), 'utf8')) ?? '';
  for (const line of text.split('\n').reverse()) {
    if (!line.includes('"imported"')) continue;
    const made = timeIn(line);
    if (made !== undefined) return made;
  }
  return undefined;
}

function timeIn(line: string): number | undefined {
  try {
    const { event, created_at } = JSON.parse(line) as { readonly event?: unknown; readonly created_at?: unknown };
    const at = event === 'imported' && typeof created_at === 'string' ? Date.parse(created_at) : Number.NaN;
    return Number.isNaN(at) ? undefined : at;
  } catch {
    return undefined;
  }
}

/** When the folder itself or its configuration was written last. */
function writtenAt(indexDir: string): number | undefined {
  const times = [indexDir, path.join(indexDir, 'config.json')].map(
    (place) => ifThere(() => statSync(place))?.mtimeMs ?? 0,
  );
  const latest = Math.max(...times);
  return latest > 0 ? latest : undefined;
}
