import { describe, expect } from '@jest/globals';
import { startGitServer } from '@mirror-tools/git-server';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeUpstream } from './upstream.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

/** Runs a command on a terminal of its own; what is typed when it asks is the first argument. */
const ON_A_TERMINAL = `
import os, pty, sys
typed = sys.argv[1].encode()
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
said = b""
while True:
    try:
        piece = os.read(fd, 4096)
    except OSError:
        break
    if not piece:
        break
    said += piece
    if typed and b"[y/n] " in said:
        os.write(fd, typed)
        typed = b""
status = os.waitpid(pid, 0)[1]
sys.stdout.buffer.write(said)
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
`;

const answers = [
  ['y\n', 4, true],
  ['yes\n', 4, true],
  ['n\n', 0, false],
  ['\n', 0, false],
  ['\u0004', 0, false],
  ['\u0003', 130, false],
] as const;

describe('on a terminal', () => {
  itWith(['git', 'python3'], 'the downloader runs after y, not after n, Enter, Ctrl-D or Ctrl-C', async () => {
    const dir = scratchDir();
    const server = await startGitServer(makeUpstream(dir).root);
    try {
      for (const [typed, status, runs] of answers) {
        const world = scratchDir();
        const downloader = path.join(world, 'downloader.mjs');
        const ran = path.join(world, 'ran');
        writeFileSync(
          downloader,
          `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(ran)}, '');\nprocess.exitCode = 4;\n`,
        );
        const flags = ['--index-dir', path.join(world, 'index'), '--index-url', `${server.url}/index.git`];
        const command = [process.execPath, bin, ...flags, '--downloader-path', downloader, '--max-age=0'];
        const child = spawn('python3', ['-c', ON_A_TERMINAL, typed, ...command], {
          env: { PATH: process.env['PATH'], HOME: world },
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        let said = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
        const [ended] = (await once(child, 'close')) as [number];
        expect(said).toContain('Start downloading crates now? [y/n] ');
        expect([typed, ended, existsSync(ran)]).toEqual([typed, status, runs]);
      }
    } finally {
      await server.close();
    }
  });
});
