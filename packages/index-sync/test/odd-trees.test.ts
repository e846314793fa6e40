import { afterEach, describe, expect } from '@jest/globals';
import { startGitServer, type GitServer } from '@mirror-tools/git-server';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync } from 'node:fs';
import path from 'node:path';
import { ENGINES } from '../dist/index.js';
import { engineFor, sync } from './syncing.ts';
import { filesOf, git, gitMeanwhile, lineText, makeUpstream, type Upstream } from './upstream.ts';

const servers: GitServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** Commit the files of upstream with more entries, each at a path of raw bytes; gives the commit. */
function commitWith(upstream: Upstream, entries: readonly [mode: string, path: string | Buffer][]): string {
  const { bare } = upstream;
  const feed = (args: readonly string[], input: Buffer | string): string =>
    execFileSync('git', ['-C', bare, ...args], { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] }).trim();
  const blob = feed(['hash-object', '-w', '--stdin'], `${lineText({ name: 'odd', vers: '1.0.0' })}\n`);
  // a tree for each folder, by hand: git itself refuses some of the names
  const tree = (parent: string, prefix: string): string => {
    const rows = new Map<string, Buffer>();
    for (const row of git(bare, 'ls-tree', parent)
      .split('\n')
      .filter((each) => each !== ''))
      rows.set(
        row.split('\t')[1] as string,
        rowOf(row.split(' ')[0] as string, Buffer.from(row.split('\t')[1] as string), row.split(/\s/)[2] as string),
      );
    for (const [mode, at] of entries) {
      const whole = Buffer.from(at as string);
      const slash = whole.lastIndexOf(0x2f);
      if (whole.toString('latin1', 0, slash + 1) !== prefix) continue;
      const name = whole.subarray(slash + 1);
      rows.set(name.toString('latin1'), rowOf(mode, name, mode === '160000' ? git(bare, 'rev-parse', 'master') : blob));
    }
    const folders = new Set(
      entries
        .map(([, at]) => Buffer.from(at as string).toString('latin1'))
        .filter((at) => at.startsWith(prefix) && at.slice(prefix.length).includes('/'))
        .map((at) => at.slice(prefix.length).split('/')[0] as string),
    );
    for (const folder of folders) {
      const here = git(bare, 'ls-tree', parent, folder).split(/\s/)[2] ?? EMPTY_TREE;
      rows.set(folder, rowOf('40000', Buffer.from(folder), tree(here, `${prefix}${folder}/`)));
    }
    const key = (row: Buffer): Buffer => {
      const name = row.subarray(row.indexOf(0x20) + 1, row.indexOf(0));
      return row.toString('latin1').startsWith('40000') ? Buffer.concat([name, Buffer.from('/')]) : name;
    };
    const bytes = Buffer.concat([...rows.values()].sort((a, b) => Buffer.compare(key(a), key(b))));
    return feed(['hash-object', '-w', '-t', 'tree', '--literally', '--stdin'], bytes);
  };
  feed(['hash-object', '-w', '-t', 'tree', '--stdin'], '');
  const id = tree('master^{tree}', '');
  const commit = git(bare, 'commit-tree', id, '-p', 'master', '-m', 'odd');
  git(bare, 'update-ref', 'refs/heads/master', commit);
  return commit;
}

const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

function rowOf(mode: string, name: Buffer, id: string): Buffer {
  return Buffer.concat([Buffer.from(`${mode.replace(/^0+/, '')} `), name, Buffer.from('\0'), Buffer.from(id, 'hex')]);
}

/** What has no place on disk; `3/a/aux` has one, but on Windows. */
const ODD: readonly [string, string | Buffer][] = [
  ['100644', 'docs/na\u00efve.md'],
  ['120000', 'se/link'],
  ['160000', 'sub'],
  ['100644', 'cr/at/Crate-a0'],
  ['100644', 'x/.git/config'],
  ['100644', 'x/dot.'],
  ['100644', 'x/back\\slash'],
  ['100644', Buffer.from([0x78, 0x2f, 0xff, 0xfe])],
];

describe('odd items of a tree', () => {
  for (const kind of ENGINES) {
    for (const workTree of [true, false]) {
      const how = workTree ? 'with files' : 'without files';
      itWith(['git'], `are left out one by one, in a first clone and in an update: ${kind}, ${how}`, async () => {
        const dir = scratchDir();
        const upstream = makeUpstream(dir);
        const plain = upstream.git('rev-parse', 'master');
        const server = await startGitServer(upstream.root);
        servers.push(server);
        const engine = await engineFor(kind, `${server.url}/index.git`);
        const [updated, cloned] = [path.join(dir, 'updated'), path.join(dir, 'cloned')];
        await sync(updated, engine, { workTree });
        const commit = commitWith(upstream, [...ODD, ['100644', '3/a/aux']]);
        for (const index of [updated, cloned]) {
          const { leftOut, ...result } = await sync(index, engine, { workTree });
          expect([index, result.commit]).toEqual([index, commit]);
          expect(leftOut.items.map((item) => item.path)).toEqual(LEFT_OUT);
          // said in each run, until upstream mends it
          expect((await sync(index, engine, { workTree })).leftOut).toEqual(leftOut);
          if (workTree) judge(index);
        }
        // and they go as they came
        const mended = git(upstream.bare, 'commit-tree', `${plain}^{tree}`, '-p', commit, '-m', 'plain');
        git(upstream.bare, 'update-ref', 'refs/heads/master', mended);
        expect((await sync(updated, engine)).leftOut).toMatchObject({ count: 0 });
        if (workTree) expect(git(updated, 'status', '--porcelain')).toBe('');
        await gitMeanwhile(updated, 'fsck', '--no-dangling');
      });
    }
  }
});

const LEFT_OUT = [
  'cr/at/Crate-a0',
  'docs/na\u00efve.md',
  'se/link',
  'sub',
  'x/.git',
  'x/back\\\\slash',
  'x/dot.',
  'x/\ufffd\ufffd',
];

/** Everything else is there, and git sees what is missing and nothing else. */
function judge(index: string): void {
  const files = filesOf(index);
  expect(files.has('3/a/aux')).toBe(process.platform !== 'win32');
  expect(files.has('cr/at/crate-a0')).toBe(true);
  expect([...files.keys()].filter((name) => /^(?:x|docs)\//.test(name))).toEqual([]);
  expect(lstatSync(path.join(index, 'se/link'), { throwIfNoEntry: false })).toBeUndefined();
  expect(existsSync(path.join(index, '.git/config'))).toBe(true);
  const rows = git(index, 'status', '--porcelain').split('\n');
  expect(rows.filter((row) => !row.startsWith('D '))).toEqual([]);
}
