import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { git } from './git.ts';

interface Line {
  readonly name: string;
  readonly vers: string;
  readonly cksum: string;
  readonly yanked: boolean;
}

interface Version {
  readonly text: string;
  readonly line: Line;
}

/**
 * The records that a change feed from one commit to another must hold, made without the product: `git diff-tree` names the files,
 * `git cat-file` gives their bytes, and their lines are compared by version. Sorted, one JSON text each.
 */
export async function expectedFeed(repository: string, from: string, to: string): Promise<string[]> {
  const rows = git(repository, 'diff-tree', '-r', '--no-renames', from, to).split('\n').filter(Boolean);
  const pairs = rows
    .map((row) => ({ ids: row.split(/[ \t]/).slice(2, 4), path: row.split('\t')[1] ?? '' }))
    .filter(({ path }) => /^([12]\/|3\/.\/|..\/..\/)/.test(path));
  const texts = await contentsOf(
    repository,
    pairs.flatMap(({ ids }) => ids),
  );
  return pairs.flatMap(({ ids: [old = '', fresh = ''] }) => compare(texts.get(old), texts.get(fresh))).sort();
}

/** One record of a feed in the form of the expected ones; what the feed says beyond them is left aside. */
export function comparable(record: string): string {
  const { change, name, vers, cksum, yanked, url } = JSON.parse(record) as Line & { change: string; url: string };
  return JSON.stringify({ change, name, vers, cksum, yanked, url });
}

function compare(old: string | undefined, fresh: string | undefined): string[] {
  const [before, after] = [versionsOf(old ?? ''), versionsOf(fresh ?? '')];
  const records: string[] = [];
  for (const [vers, { text, line }] of after) {
    const was = before.get(vers);
    if (was === undefined) records.push(told('added', line));
    else if (was.line.cksum !== line.cksum) records.push(told('replaced', line));
    else if (was.line.yanked !== line.yanked) records.push(told(line.yanked ? 'yanked' : 'unyanked', line));
    else if (was.text !== text) records.push(told('updated', line));
  }
  for (const [vers, { line }] of before) if (!after.has(vers)) records.push(told('removed', line));
  return records;
}

function versionsOf(text: string): Map<string, Version> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return new Map(
    lines.map((raw) => {
      const line = JSON.parse(raw) as Line;
      return [line.vers, { text: raw, line }];
    }),
  );
}

function told(change: string, { name, vers, cksum, yanked }: Line): string {
  const url = `https://static.crates.io/crates/${name}/${name}-${vers.replaceAll('+', '%2B')}.crate`;
  return JSON.stringify({ change, name, vers, cksum, yanked, url });
}

// no index line is empty of `{`, and no object name has one: so the two can share a stream of lines
async function contentsOf(repository: string, ids: readonly string[]): Promise<Map<string, string>> {
  const wanted = [...new Set(ids)].filter((id) => !/^0+$/.test(id));
  const child = spawn('git', ['-C', repository, 'cat-file', '--batch'], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.end(wanted.map((id) => `${id}\n`).join(''));
  const texts = new Map<string, string>();
  let current: string[] = [];
  let id = '';
  for await (const line of createInterface({ input: child.stdout, crlfDelay: 0 })) {
    const head = /^([0-9a-f]{40}) blob \d+$/.exec(line);
    if (head === null) {
      current.push(line);
      continue;
    }
    texts.set(id, current.join('\n'));
    id = head[1] ?? '';
    current = [];
  }
  texts.set(id, current.join('\n'));
  return texts;
}
