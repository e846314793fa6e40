import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Whether a program can be started on this machine. */
export function has(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Make the bare repository `repository` of the files in `index`, as crates.io has its index; one that is there is left alone. */
export function publishIndex(index: string, repository: string): void {
  if (existsSync(repository)) return;
  const git = (...args: string[]): void =>
    void execFileSync('git', args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...AUTHOR } });
  const inRepository = ['--git-dir', repository, '--work-tree', index];
  git('init', '--quiet', '--bare', '--initial-branch', 'master', repository);
  git(...inRepository, 'add', '--all', '.');
  git(...inRepository, 'commit', '--quiet', '--message', 'Publish the embedded registry');
}

const AUTHOR = {
  GIT_AUTHOR_NAME: 'demo',
  GIT_AUTHOR_EMAIL: 'demo@invalid',
  GIT_COMMITTER_NAME: 'demo',
  GIT_COMMITTER_EMAIL: 'demo@invalid',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
};
