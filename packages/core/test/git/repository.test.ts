import { describe, expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  commonDirOf,
  findRepository,
  isSparseCheckout,
  openHeadFiles,
  readGitConfig,
  readRef,
} from '../../dist/git/index.js';
import { readIndex } from '../../dist/index.js';

function git(dir: string, ...args: readonly string[]): string {
  const who = ['-c', 'user.name=x', '-c', 'user.email=x@example.org', '-c', 'init.defaultBranch=master'];
  return execFileSync('git', ['-C', dir, ...who, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();
}

const CRATES = ['se/rd/serde', 'to/ki/tokio'];

/** A repository with an index of two crates at `dir`. */
function makeIndex(dir: string, ...flags: readonly string[]): string {
  mkdirSync(dir, { recursive: true });
  git(dir, 'init', '-q', ...flags);
  for (const file of CRATES) {
    mkdirSync(path.join(dir, path.dirname(file)), { recursive: true });
    const line = {
      name: path.basename(file),
      vers: '1.0.0',
      deps: [],
      cksum: '0'.repeat(64),
      features: {},
      yanked: false,
    };
    writeFileSync(path.join(dir, file), `${JSON.stringify(line)}\n`);
  }
  git(dir, 'add', '-A');
  git(dir, 'commit', '-qm', 'x');
  return dir;
}

async function cratesIn(dir: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of readIndex(dir)) names.push(name);
  return names;
}

const ALL = ['serde', 'tokio'];

describe('an index in a repository', () => {
  itWith(['git'], 'is read from a linked work tree, from its files and from its packs', async () => {
    const world = scratchDir();
    const main = makeIndex(path.join(world, 'main'));
    git(main, 'repack', '-adq');
    git(main, 'pack-refs', '--all');
    const linked = path.join(world, 'linked');
    git(main, 'worktree', 'add', '-q', linked);
    const place = findRepository(linked);
    expect(place?.commonDir).toBe(path.join(main, '.git'));
    expect(readRef(place?.gitDir as string, 'HEAD')).toBe(git(main, 'rev-parse', 'HEAD'));
    expect(await cratesIn(linked)).toEqual(ALL);
    const packed = openHeadFiles(linked);
    expect([...packed.paths()]).toEqual(CRATES);
    packed.close();
  });

  itWith(['git'], 'is read from a copied checkout whose .git leads nowhere', async () => {
    const world = scratchDir();
    const copy = path.join(world, 'copy');
    cpSync(makeIndex(path.join(world, 'origin')), copy, { recursive: true });
    rmSync(path.join(copy, '.git'), { recursive: true });
    writeFileSync(path.join(copy, '.git'), 'gitdir: /nowhere/at/all\n');
    expect(findRepository(copy)).toBeUndefined();
    expect(await cratesIn(copy)).toEqual(ALL);
  });

  itWith(['git'], 'is read whole where only some of its files are checked out', async () => {
    const world = scratchDir();
    for (const cone of ['--cone', '--no-cone']) {
      const dir = makeIndex(path.join(world, `sparse${cone}`));
      git(dir, 'repack', '-adq');
      git(dir, 'sparse-checkout', 'set', cone, 'se');
      expect(isSparseCheckout(findRepository(dir)!)).toBe(true);
      expect(await cratesIn(dir)).toEqual(ALL);
      git(dir, 'sparse-checkout', 'disable');
      expect(isSparseCheckout(findRepository(dir)!)).toBe(false);
    }
  });

  itWith(['git'], 'is read through alternates, and out of packed refs', async () => {
    const world = scratchDir();
    const origin = makeIndex(path.join(world, 'lender'));
    const borrower = path.join(world, 'borrower.git');
    git(world, 'clone', '-q', '--bare', '--shared', origin, borrower);
    git(borrower, 'pack-refs', '--all');
    expect(await cratesIn(borrower)).toEqual(ALL);
  });

  itWith(['git'], 'in a format that is not known is refused by what it is', async () => {
    const world = scratchDir();
    const formats = {
      sha256: ['objectformat', 'sha256', /sha256, expected sha1/],
      reftable: ['refstorage', 'reftable', /reftable, expected files/],
      odd: ['holograms', 'true', /holograms/],
    } as const;
    for (const [name, [extension, value, message]] of Object.entries(formats)) {
      const dir = makeIndex(path.join(world, name));
      const bare = path.join(world, `${name}.git`);
      git(world, 'clone', '-q', '--bare', dir, bare);
      git(bare, 'config', 'core.repositoryformatversion', '1');
      git(bare, 'config', `extensions.${extension}`, value);
      for (const read of [() => cratesIn(bare), () => Promise.resolve().then(() => openHeadFiles(bare))])
        await expect(read()).rejects.toMatchObject({ code: 'ERR_USAGE', message: expect.stringMatching(message) });
    }
    const real = makeIndex(path.join(world, 'real256'), '--object-format=sha256');
    expect(await cratesIn(real)).toEqual(ALL);
    git(world, 'clone', '-q', '--bare', real, path.join(world, 'real256.git'));
    await expect(cratesIn(path.join(world, 'real256.git'))).rejects.toMatchObject({ code: 'ERR_USAGE' });
  });
});

describe('the settings of git', () => {
  itWith(['git'], 'are read as git reads them', () => {
    const file = path.join(scratchDir(), 'config');
    writeFileSync(
      file,
      `# a remark
[core]
\trepositoryformatversion = 0 ; remark
\tBare=false
[remote "origin"] url = https://example.org/a%20b?x=1#frag
[remote "odd \\"name\\\\"]
\turl = " spaced # not a remark " # remark
\tfetch = +refs/heads/*:refs/remotes/\\
origin/*
[branch.old]
\tmerge
`,
    );
    const config = readGitConfig(file);
    const names = [
      'core.repositoryformatversion',
      'core.bare',
      'remote.origin.url',
      'remote.odd "name\\.url',
      'remote.odd "name\\.fetch',
      'branch.old.merge',
    ];
    for (const name of names) {
      const judged = execFileSync(
        'git',
        ['config', '--file', file, name === 'branch.old.merge' ? '--bool' : '--get', name],
        {
          encoding: 'utf8',
        },
      ).replace(/\n$/, '');
      expect([name, config.get(name)]).toEqual([name, judged]);
    }
    expect(config.get('core.none')).toBeUndefined();
  });

  it('of a file that is not there are none, and those of a damaged one are passed over', () => {
    const dir = scratchDir();
    const file = path.join(dir, 'config');
    expect(readGitConfig(path.join(dir, 'none')).get('core.bare')).toBeUndefined();
    writeFileSync(file, '[core\nbare = true\n]]\n[x]\n = 3\n\0\xff\n[core]\nbare');
    expect(readGitConfig(file).get('core.bare')).toBe('true');
    expect(commonDirOf(dir)).toBe(dir);
  });
});
