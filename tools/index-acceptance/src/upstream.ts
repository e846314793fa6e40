import { startGitServer } from '@mirror-tools/git-server';
import type { Tamper } from '@mirror-tools/git-server';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { git } from './git.ts';

/** A git server whose state is chosen commit by commit. */
export interface Upstream {
  /** Address of the repository. */
  readonly url: string;
  /** The repository that is served first; it has all states. */
  readonly repository: string;
  /** Every state, the oldest first. */
  readonly commits: readonly string[];
  /** The state after `n` commits; the last one when there are fewer. */
  commit(n: number): string;
  countFiles(): number;
  /** Let the branch stand at `commit`, whatever stood there before. */
  serve(commit: string): void;
  /** A commit without a past that has the files of `commit`, as upstream makes when its history has grown long. */
  squash(commit: string): string;
  /** Serve `commit` from a repository that has it and nothing else: what the other side has is unknown there. Gives the commit. */
  serveAlone(commit: string): string;
  /** Change every answer from now on; undefined for none. */
  tamperWith(tamper: Tamper | undefined): void;
  close(): Promise<void>;
}

/** Serve states of `repository` on loopback. What is made for it goes to `dir`; the repository is only read. */
export async function startUpstream(repository: string, dir: string): Promise<Upstream> {
  const commits = git(repository, 'rev-list', '--reverse', '--first-parent', 'master').split('\n');
  const served = path.join(dir, 'index.git');
  const lonely = path.join(dir, 'lonely');
  borrow(served, repository);
  let tamper: Tamper | undefined;
  let current = served;
  let lone = 0;
  const server = await startGitServer(dir, {
    tamper: (piece, before, request) => tamper?.(piece, before, request) ?? piece,
  });
  return {
    get url() {
      return `${server.url}/${path.relative(dir, current)}`;
    },
    repository: served,
    commits,
    commit: (n) => commits[Math.min(n, commits.length - 1)] ?? '',
    countFiles: () => git(served, 'ls-tree', '-r', '--name-only', commits.at(-1) ?? '').split('\n').length,
    serve(commit) {
      current = served;
      git(served, 'update-ref', 'refs/heads/master', commit);
    },
    squash: (commit) => git(served, 'commit-tree', `${commit}^{tree}`, '-m', 'Collapse index into one commit'),
    serveAlone(commit) {
      current = `${lonely}-${String((lone += 1))}.git`;
      const alone = git(served, 'commit-tree', `${commit}^{tree}`, '-m', `Alone ${String(lone)}`);
      git(served, 'update-ref', 'refs/heads/alone', alone);
      mkdirSync(current, { recursive: true });
      git(current, 'init', '-q', '--bare', '--initial-branch=master');
      git(current, 'fetch', '-q', '--depth=1', `file://${served}`, '+refs/heads/alone:refs/heads/master');
      return alone;
    },
    tamperWith: (next) => (tamper = next),
    close: () => server.close(),
  };
}

/** A bare repository that reads the objects of another one. */
function borrow(dir: string, from: string): void {
  mkdirSync(dir, { recursive: true });
  git(dir, 'init', '-q', '--bare', '--initial-branch=master');
  writeFileSync(path.join(dir, 'objects', 'info', 'alternates'), `${path.join(path.resolve(from), 'objects')}\n`);
}
