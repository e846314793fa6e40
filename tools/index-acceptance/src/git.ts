import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

const WHO = { GIT_AUTHOR_NAME: 'bot', GIT_AUTHOR_EMAIL: 'bot@example.org' };
const ENVIRONMENT = {
  ...process.env,
  ...WHO,
  GIT_COMMITTER_NAME: WHO.GIT_AUTHOR_NAME,
  GIT_COMMITTER_EMAIL: WHO.GIT_AUTHOR_EMAIL,
};

/** What git prints in the repository at `dir`, without the last line end. @throws {Error} git's own complaint */
export function git(dir: string, ...args: readonly string[]): string {
  return execFileSync('git', ['-C', dir, ...args], {
    env: ENVIRONMENT,
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trimEnd();
}

/** The same while this process serves: a git that waits for an answer of ours must not be waited for in the meantime. */
export async function gitMeanwhile(dir: string, ...args: readonly string[]): Promise<void> {
  await promisify(execFile)('git', ['-C', dir, ...args], { env: ENVIRONMENT, timeout: 600_000 });
}
