import { describe, expect } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openHeadFiles } from '../../dist/git/index.js';

const IDENTITY = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' };

function repository(): { dir: string; git(...args: string[]): string; put(file: string, text: string): void } {
  const dir = scratchDir();
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', dir, ...args], { encoding: 'utf8', env: { ...process.env, ...IDENTITY } }).trim();
  git('init', '--quiet');
  return {
    dir,
    git,
    put: (file, text) => {
      mkdirSync(path.join(dir, path.dirname(file)), { recursive: true });
      writeFileSync(path.join(dir, file), text);
    },
  };
}

describe('the files at HEAD', () => {
  itWith(['git'], 'are those of the commit, whatever git does with its objects meanwhile', () => {
    const { dir, git, put } = repository();
    const texts = new Map(['1/a', '3/a/abc', 'a-/bc/a-bcd', 'aa/bb/aabb', 'se/rd/serde'].map((file) => [file, file]));
    const commit = (): void => {
      for (const [file, text] of texts) put(file, text);
      git('add', '--all');
      git('commit', '--quiet', '--allow-empty', '-m', 'x');
    };
    commit();
    const files = openHeadFiles(dir);
    const expectState = (): void => {
      files.refresh();
      expect(files.commit).toBe(git('rev-parse', 'HEAD'));
      expect([...files.paths()]).toEqual(git('ls-tree', '-r', '--name-only', 'HEAD').split('\n'));
      for (const [file, text] of texts) {
        const id = files.find(file);
        expect(id).toBe(git('rev-parse', `HEAD:${file}`));
        expect(files.read(id!).toString()).toBe(text);
      }
      for (const absent of ['', 'a', 'aa', 'aa/bb', 'aa/bb/aabb/x', 'no/ne/none', 'aa/../aa/bb/aabb'])
        expect(files.find(absent)).toBeUndefined();
    };
    expectState();
    for (const step of [
      () => texts.set('se/rd/serde', 'new'),
      () => git('gc', '--quiet', '--prune=now'),
      () => texts.set('se/rd/serde2', 'another'),
      () => {
        texts.delete('1/a');
        rmSync(path.join(dir, '1/a'));
      },
      () => git('repack', '-adq'),
    ]) {
      step();
      commit();
      git('reset', '--quiet', '--hard');
      expectState();
    }
    files.close();
  });
});
