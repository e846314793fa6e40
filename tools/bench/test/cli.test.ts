import { describe, expect, it } from '@jest/globals';
import { itWith } from '@mirror-tools/test-support';
import { main, parseLatency } from '../dist/cli.js';

async function run(...argv: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  const status = await main(argv, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  });
  return { status, stdout, stderr };
}

describe('the command line', () => {
  it('without a command prints the help', async () => {
    const { status, stdout } = await run();
    expect(status).toBe(0);
    expect(stdout).toContain('mirror-bench index');
  });

  it.each([
    ['fly'],
    ['index', '--runs', '0'],
    ['index', '--crates', 'many'],
    ['download', '--latency', '1s'],
    ['--odd'],
  ])('refuses %s %s %s with status 2', async (...argv) => {
    const { status, stderr } = await run(...argv);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^mirror-bench: /);
  });

  it('refuses a contender that is not there', async () => {
    const { status, stderr } = await run('index', '--crates', '20', '--only', 'cat,dog');
    expect(status).toBe(1);
    expect(stderr).toContain('dog');
  });

  itWith(['tar', 'zstd'], 'measures the packing of a few files and reads them at random', async () => {
    const { status, stdout } = await run('bundle', '--files', '300', '--runs', '1');
    expect(stdout).toMatch(/^\| bundle /m);
    expect(stdout).toMatch(/random reads, 4 at a time, from \d+ bytes: \d+ a second/);
    expect(stdout).toMatch(/bundle \/ tar-zstd: [01]\.\d+/);
    expect(status).toBe(0);
  });

  it('measures the sidecars of a small index', async () => {
    const { status, stdout } = await run('sidecars', '--crates', '20', '--runs', '1');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\| tar\.zst /m);
  });

  it('measures a small index and prints its table', async () => {
    const { status, stdout } = await run('index', '--crates', '20', '--runs', '1', '--only', 'cat,read-1-thread');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\| read-1-thread .*\|$/m);
  });
});

it('a latency is milliseconds, with or without the unit', () => {
  expect([parseLatency('40'), parseLatency('40ms')]).toEqual([40, 40]);
});
