import { describe, expect, it } from '@jest/globals';
import { runBin, scratchDir } from '@mirror-tools/test-support';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { get } from './clients.ts';

const BIN = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

interface Start {
  readonly url: string;
  readonly tls_url: string;
  readonly versions: number;
}

describe('the fake-registry command', () => {
  it('prints addresses, serves with faults, and prints counts at the end', async () => {
    const dir = scratchDir();
    const ca = path.join(dir, 'ca.pem');
    let stop: (signal: NodeJS.Signals) => void = () => undefined;
    const faults = path.join(dir, 'faults.json');
    writeFileSync(faults, JSON.stringify([{ kind: 'status', status: 410, match: '/ab-0\\.2' }]));
    const out = path.join(dir, 'start.json');
    const flags = [
      '--crates',
      '12',
      '--ca-file',
      ca,
      '--fault',
      'status-503:1@1',
      '--faults',
      faults,
      '--latency',
      '1ms',
      '--start-file',
      out,
    ];
    const run = runBin(BIN, flags, { onSpawn: (kill) => (stop = kill) });
    const { url, tls_url: tlsUrl, versions } = await waitFor(out);
    const file = '/crates/a/a-1.0.0.crate';
    expect((await get(url + file)).status).toBe(503);
    expect((await get(tlsUrl + file, {}, { ca: readFileSync(ca) })).status).toBe(200);
    await get(`${url}/crates/ab/ab-0.2.0.crate`);
    expect((await get(`${url}/crates/ab/ab-0.2.0.crate`)).status).toBe(410);
    stop('SIGTERM');
    const { status, stdout, stderr } = await run;
    const [first, last] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect([status, stderr]).toEqual([0, '']);
    expect(first).toMatchObject({ url, versions });
    expect(last).toMatchObject({ requests: 4, statuses: { 200: 1, 410: 1, 503: 2 } });
  });

  it('writes a registry and ends', async () => {
    const dir = path.join(scratchDir(), 'registry');
    const { status, stdout } = await runBin(BIN, [
      '--dir',
      dir,
      '--make-only',
      '--versions',
      '33',
      '--seed',
      'x',
      '--odd-names',
    ]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(readFileSync(path.join(dir, 'registry.json'), 'utf8')));
    expect(JSON.parse(stdout)).toMatchObject({ versions: 33, made_with: { seed: 'x', versions: 33, oddNames: true } });
  });

  it('refuses a rule of a file that names no known kind', async () => {
    const file = path.join(scratchDir(), 'faults.json');
    writeFileSync(file, JSON.stringify([{ match: '/a', fault: { kind: 'corrupt' } }]));
    const { status, stderr } = await runBin(BIN, ['--faults', file]);
    expect([status, stderr]).toEqual([2, expect.stringContaining('expected a rule with one of the kinds status')]);
  });

  it.each([
    [['--nonsense'], 'nonsense'],
    [['--crates', 'many'], '--crates: expected a number; found many'],
    [['--fault', 'frobnicate:0.1'], 'no such kind'],
    [['--fault', 'truncate:1.5'], 'expected KIND'],
    [['--fault', 'html-5'], 'takes no detail'],
    [['--fault', 'status'], 'needs a number'],
    [['--too-many-status', '500'], '429 or 503'],
    [['--make-only'], '--dir'],
  ])('%j is wrong usage', async (args, message) => {
    const { status, stdout, stderr } = await runBin(BIN, args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });

  it('the help and the README name the same flags', async () => {
    const flagsIn = (text: string): string[] => [...new Set(text.match(/--[a-z][a-z-]*[a-z]/g))].sort();
    const { stdout } = await runBin(BIN, ['--help']);
    const readme = readFileSync(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8');
    expect(flagsIn(stdout)).toEqual(flagsIn(readme).filter((flag) => flag !== '--help'));
    expect(flagsIn(stdout)).toHaveLength(20);
  });
});

async function waitFor(file: string): Promise<Start> {
  for (;;) {
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as Start;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
