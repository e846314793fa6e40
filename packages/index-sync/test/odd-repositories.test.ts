import { afterEach, describe, expect } from '@jest/globals';
import { startGitServer, type GitServer } from '@mirror-tools/git-server';
import { itWith, runBin, scratchDir, type BinResult } from '@mirror-tools/test-support';
import { chmodSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENGINES, type GitEngine } from '../dist/index.js';
import { NO_BRAKES, engineFor, sync } from './syncing.ts';
import { committedFiles, filesOf, git, lineText } from './upstream.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

const servers: GitServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

interface Repository {
  /** A work tree; change it, then `publish`. */
  readonly work: string;
  readonly bare: string;
  readonly index: string;
  readonly engine: GitEngine;
  readonly url: string;
  /** Commit all of the work tree to `branch`, whatever stood there; gives the commit. */
  publish(branch?: string): string;
}

async function makeRepository(...initFlags: readonly string[]): Promise<Repository> {
  const dir = scratchDir();
  const [work, bare] = [path.join(dir, 'work'), path.join(dir, 'served', 'index.git')];
  for (const folder of [work, bare]) mkdirSync(folder, { recursive: true });
  git(work, 'init', '-q', ...initFlags);
  git(bare, 'init', '-q', '--bare', ...initFlags);
  const server = await startGitServer(path.dirname(bare));
  servers.push(server);
  return {
    ...{ work, bare, index: path.join(dir, 'index') },
    url: server.url,
    engine: await engineFor('pack', `${server.url}/index.git`, { retries: 0 }),
    publish(branch = 'master') {
      git(work, 'add', '--all');
      git(work, 'commit', '-q', '--allow-empty', '-m', 'x');
      git(work, 'push', '-q', '--force', bare, `HEAD:refs/heads/${branch}`);
      git(bare, 'symbolic-ref', 'HEAD', `refs/heads/${branch}`);
      return git(work, 'rev-parse', 'HEAD');
    },
  };
}

function put(dir: string, file: string, text: string = file): void {
  mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
  writeFileSync(path.join(dir, file), text);
}

async function bring({ index, engine, bare }: Repository, commit: string): Promise<void> {
  expect(await sync(index, engine, { brakes: NO_BRAKES })).toMatchObject({ commit });
  expect(git(index, 'status', '--porcelain')).toBe('');
  expect(git(index, 'fsck', '--strict', '--no-dangling')).toBe('');
  const committed = git(bare, 'ls-tree', '-r', commit) === '' ? new Map() : committedFiles(bare, commit);
  expect(filesOf(index)).toEqual(committed);
}

describe('a repository', () => {
  itWith(['git'], 'without any file is one too, and may have some later, and none again', async () => {
    const repository = await makeRepository();
    await bring(repository, repository.publish());
    put(repository.work, 'se/rd/serde');
    await bring(repository, repository.publish());
    rmSync(path.join(repository.work, 'se'), { recursive: true });
    await bring(repository, repository.publish());
    put(repository.work, '1/a');
    await bring(repository, repository.publish());
  });

  itWith(['git'], 'of a registry without crates has no changes, and those of its first crate later', async () => {
    for (const kind of ['--work-tree', '--no-work-tree']) {
      const { work, index, url, publish } = await makeRepository();
      const run = (...args: string[]): Promise<BinResult> =>
        runBin(bin, [`--index-dir=${index}`, `--index-url=${url}/index.git`, kind, '--no-download', ...args]);
      put(work, 'config.json', '{"dl":"https://example.com/crates"}');
      publish();
      expect(await run('--changes', '-')).toMatchObject({ status: 0, stdout: '' });
      expect(await run('--ack')).toMatchObject({ status: 0 });
      put(work, 'se/rd/serde', `${lineText({ name: 'serde', vers: '1.0.0' })}\n`);
      publish();
      const { status, stdout } = await run('--changes', '-');
      expect([status, JSON.parse(stdout)]).toMatchObject([0, { change: 'added', name: 'serde', vers: '1.0.0' }]);
    }
  });

  itWith(['git'], 'may turn files into folders, folders into files, and files executable', async () => {
    const repository = await makeRepository();
    const { work, index } = repository;
    put(work, 'se/rd/serde');
    put(work, 'docs/a/b/c/d/e/f');
    put(work, '1/a');
    await bring(repository, repository.publish());
    rmSync(path.join(work, 'docs'), { recursive: true });
    rmSync(path.join(work, 'se/rd/serde'));
    put(work, 'docs');
    put(work, 'se/rd/serde/x');
    chmodSync(path.join(work, '1/a'), 0o755);
    await bring(repository, repository.publish());
    expect(statSync(path.join(index, '1/a')).mode & 0o111).not.toBe(0);
  });

  itWith(['git'], 'may call its branch what git allows and every system can hold', async () => {
    const repository = await makeRepository();
    put(repository.work, '1/a');
    for (const branch of ['main', 'release/2026.1', 'odd+name@x#1']) {
      const commit = repository.publish(branch);
      await bring(repository, commit);
      expect(git(repository.index, 'symbolic-ref', 'HEAD')).toBe(`refs/heads/${branch}`);
      put(repository.work, '1/a', branch);
    }
    repository.publish('ünï');
    await expect(sync(repository.index, repository.engine)).rejects.toMatchObject({ code: 'ERR_HTTP' });
  });

  itWith(['git'], 'may have a HEAD that is no branch, or none at all', async () => {
    const repository = await makeRepository();
    await expect(sync(repository.index, repository.engine)).rejects.toMatchObject({ code: 'ERR_HTTP' });
    put(repository.work, '1/a');
    const commit = repository.publish();
    writeFileSync(path.join(repository.bare, 'HEAD'), `${commit}\n`);
    await bring(repository, commit);
    expect(git(repository.index, 'symbolic-ref', 'HEAD')).toBe('refs/heads/master');
  });

  itWith(['git'], 'may be pushed over by another with nothing in common', async () => {
    const repository = await makeRepository();
    put(repository.work, 'se/rd/serde');
    await bring(repository, repository.publish());
    git(repository.work, 'checkout', '-q', '--orphan', 'other');
    rmSync(path.join(repository.work, 'se'), { recursive: true });
    put(repository.work, '2/ab');
    await bring(repository, repository.publish());
  });

  itWith(['git'], 'that names objects by SHA-256 is refused, and nothing that cannot help is advised', async () => {
    const repository = await makeRepository('--object-format=sha256');
    put(repository.work, '1/a');
    repository.publish();
    const url = `${repository.url}/index.git`;
    for (const engine of ENGINES) {
      const refused = sync(`${repository.index}-${engine}`, await engineFor(engine, url, { retries: 0 }));
      const hint = expect.not.stringContaining('engine');
      await expect(refused).rejects.toMatchObject({
        code: 'ERR_HTTP',
        message: expect.stringContaining('sha256'),
        hint,
      });
    }
    const other = await makeRepository();
    put(other.work, '1/a');
    other.publish();
    const taken = sync(repository.work, other.engine);
    await expect(taken).rejects.toMatchObject({ code: 'ERR_USAGE', message: expect.stringContaining('sha256') });
  });
});
