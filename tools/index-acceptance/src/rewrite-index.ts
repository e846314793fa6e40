import { entriesOf, isIndexPath } from '@mirror/core';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { git } from './git.ts';

/** An index whose crate files are at hand, with all else as it was: its double lines, odd versions and spellings. */
export interface RewrittenIndex {
  /** Its repository; the last two commits of `master` are of the same origin. */
  readonly repository: string;
  readonly older: string;
  readonly newer: string;
  /** `NAME/NAME-VERSION.crate` of every version that counts. */
  readonly crates: string;
  readonly versions: number;
}

/**
 * Take HEAD of the repository or bundle `source`, make a small file for every version in it, and put the digests of these into the lines that count; lines
 * that another one of their version replaces keep theirs. Of large indexes one file in `every` will do.
 */
export function rewriteIndex(source: string, dir: string, every: number): RewrittenIndex {
  const [repository, crates] = [path.join(dir, 'upstream'), path.join(dir, 'crates')];
  execFileSync('git', ['clone', '--quiet', '--', path.resolve(source), repository], { stdio: 'pipe' });
  git(repository, 'checkout', '-q', '-B', 'master');
  const files = git(repository, 'ls-files').split('\n').filter(isIndexPath);
  let versions = 0;
  let last = '';
  for (const [n, file] of files.entries()) {
    if (n % every === 0) {
      versions += rewriteFile(path.join(repository, file), file, crates);
      last = file;
    } else rmSync(path.join(repository, file));
  }
  git(repository, 'add', '--all');
  git(repository, 'commit', '-q', '--allow-empty', '-m', 'Crate files that are at hand');
  const older = git(repository, 'rev-parse', 'HEAD');
  // one more version, without which an index that goes back to the older commit would do
  const [line] = readFileSync(path.join(repository, last), 'utf8').split('\n');
  const entry = JSON.parse(line ?? '') as { readonly name: string };
  const cksum = makeFile(crates, entry.name, LATE);
  appendFileSync(path.join(repository, last), `${JSON.stringify({ ...entry, vers: LATE, cksum, yanked: false })}\n`);
  git(repository, 'commit', '-q', '--all', '-m', 'One more version');
  return { repository, older, newer: git(repository, 'rev-parse', 'HEAD'), crates, versions: versions + 1 };
}

const LATE = '99.0.0';

function rewriteFile(file: string, indexPath: string, crates: string): number {
  const text = readFileSync(file, 'utf8');
  const { entries } = entriesOf(indexPath, text);
  const digests = new Map<string, string>(
    entries.map(({ name, vers, cksum }) => [`${vers} ${cksum}`, makeFile(crates, name, vers)]),
  );
  const lines = text.split('\n').map((line) => {
    const [, cksum] = /"cksum":"([0-9a-f]{64})"/.exec(line) ?? [];
    const [, vers] = /"vers":"([^"]*)"/.exec(line) ?? [];
    const digest = cksum === undefined || vers === undefined ? undefined : digests.get(`${vers} ${cksum}`);
    return digest === undefined || cksum === undefined ? line : line.replace(cksum, digest);
  });
  writeFileSync(file, lines.join('\n'));
  return entries.length;
}

/** Make the file of a version; its digest. A mirror never looks inside. */
function makeFile(crates: string, name: string, vers: string): string {
  const bytes = Buffer.from(`the crate file of ${name} ${vers}\n`.repeat(8));
  mkdirSync(path.join(crates, name), { recursive: true });
  writeFileSync(path.join(crates, name, `${name}-${vers}.crate`), bytes);
  return createHash('sha256').update(bytes).digest('hex');
}
