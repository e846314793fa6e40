import { describe, expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readIndex } from '../../dist/index.js';
import { openHeadFiles, openObjectStore, readRef } from '../../dist/git/index.js';

const git = (dir: string, ...args: readonly string[]): string =>
  execFileSync('git', ['-C', dir, '-c', 'user.name=x', '-c', 'user.email=x@example.org', ...args], {
    encoding: 'utf8',
  }).trim();

const line = (name: string, n: number): string =>
  JSON.stringify({
    name,
    vers: `1.0.${n}`,
    deps: [],
    cksum: n.toString(16).padStart(64, '0'),
    features: {},
    yanked: n % 3 === 0,
  });

/** A repository of `states` commits; each adds a version to every crate. */
function makeIndex(dir: string, states: number): void {
  mkdirSync(dir);
  git(dir, 'init', '-q', '-b', 'master');
  for (let state = 1; state <= states; state++) {
    for (const name of ['serde', 'serde_json', 'syn', 'a']) {
      const file = path.join(dir, name === 'a' ? '1/a' : name === 'syn' ? '3/s/syn' : `se/rd/${name}`);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, `${Array.from({ length: 20 * state }, (_, n) => line(name, n)).join('\n')}\n`);
    }
    writeFileSync(path.join(dir, 'config.json'), '{"dl":"https://example.org"}');
    git(dir, 'add', '-A');
    git(dir, 'commit', '-qm', `state ${state}`);
  }
}

async function entriesOf(dir: string): Promise<string[]> {
  const entries: string[] = [];
  for await (const entry of readIndex(dir))
    entries.push(`${entry.indexPath}:${entry.line} ${entry.vers} ${entry.yanked}`);
  return entries;
}

describe('an index in a repository', () => {
  itWith(
    ['git'],
    'reads the same from loose objects, packs with deltas, many packs and packed refs as from files',
    async () => {
      const dir = scratchDir();
      const files = path.join(dir, 'files');
      makeIndex(files, 3);
      const expected = await entriesOf(files);
      expect(expected).toHaveLength(4 * 60);

      const bare = path.join(dir, 'bare');
      git(dir, 'clone', '-q', '--bare', files, bare);
      expect(await entriesOf(bare)).toEqual(expected);
      git(bare, 'repack', '-adfq', '--depth=50');
      expect(git(bare, 'verify-pack', '-v', ...packs(bare))).toMatch(/chain length = [2-9]/);
      expect(await entriesOf(bare)).toEqual(expected);
      git(bare, 'pack-refs', '--all');
      expect(await entriesOf(bare)).toEqual(expected);

      const withoutFiles = path.join(dir, 'without-files');
      git(dir, 'clone', '-q', '-n', `file://${files}`, withoutFiles, '--depth', '1');
      expect(await entriesOf(withoutFiles)).toEqual(expected);

      const borrowed = path.join(dir, 'borrowed');
      git(dir, 'clone', '-q', '--bare', '--shared', bare, borrowed);
      expect(await entriesOf(borrowed)).toEqual(expected);
    },
  );

  itWith(['git'], 'reads some crates alone', async () => {
    const dir = scratchDir();
    makeIndex(path.join(dir, 'files'), 1);
    git(dir, 'clone', '-q', '--bare', 'files', 'bare');
    const names = new Set<string>();
    for await (const entry of readIndex(path.join(dir, 'bare'), { only: ['SYN', 'nothing'] })) names.add(entry.name);
    expect([...names]).toEqual(['syn']);
  });

  itWith(['git'], 'gives paths, names and bytes of one commit', () => {
    const dir = scratchDir();
    makeIndex(path.join(dir, 'files'), 2);
    git(dir, 'clone', '-q', '--bare', 'files', 'bare');
    const bare = path.join(dir, 'bare');
    const index = openHeadFiles(bare);
    expect([...index.paths()]).toEqual(['1/a', '3/s/syn', 'config.json', 'se/rd/serde', 'se/rd/serde_json']);
    expect(index.commit).toBe(git(bare, 'rev-parse', 'HEAD'));
    const id = index.find('se/rd/serde') ?? '';
    expect(index.read(id).toString().trim()).toBe(git(bare, 'cat-file', 'blob', id));
    index.close();
  });

  itWith(['git'], 'refuses a missing object by name', () => {
    const dir = scratchDir();
    makeIndex(path.join(dir, 'files'), 1);
    const store = openObjectStore(path.join(dir, 'files/.git'));
    expect(() => store.read('0'.repeat(40))).toThrow(/object 0{40} is missing/);
    expect(() => store.readAs(git(path.join(dir, 'files'), 'rev-parse', 'HEAD'), 'blob')).toThrow(
      /is a commit, expected a blob/,
    );
  });

  it('refuses a folder that is no repository', () => {
    expect(() => openHeadFiles(scratchDir())).toThrow(/not a git repository/);
  });

  itWith(['git'], 'does not follow refs in a circle or out of the repository', () => {
    const dir = scratchDir();
    git(dir, 'init', '-q', '--bare', 'bare');
    const bare = path.join(dir, 'bare');
    writeFileSync(path.join(bare, 'HEAD'), 'ref: refs/heads/a\n');
    writeFileSync(path.join(bare, 'refs/heads/a'), 'ref: refs/heads/a\n');
    expect(() => readRef(bare, 'HEAD')).toThrow(/circle/);
    writeFileSync(path.join(bare, 'HEAD'), 'ref: refs/../../../etc/passwd\n');
    expect(() => readRef(bare, 'HEAD')).toThrow(/not a ref/);
  });
});

function packs(bare: string): string[] {
  return execFileSync('find', [path.join(bare, 'objects/pack'), '-name', '*.idx'], { encoding: 'utf8' })
    .trim()
    .split('\n');
}
