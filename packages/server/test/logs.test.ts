import { describe, expect, it } from '@jest/globals';
import { itWith, runBin, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connectionLimit } from '../dist/connection-limit.js';
import { openAccessLogFile } from '../dist/observe/access-log-file.js';
import { makeFixture } from './fixture.ts';

const BIN = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

function recorder() {
  const told: [string, Record<string, unknown>][] = [];
  const tell = (message: string, fields: object = {}): void =>
    void told.push([message, fields as Record<string, unknown>]);
  return { told, log: { debug: tell, info: tell, warn: tell, error: tell } };
}

describe('the access log', () => {
  it('goes on in a new file when the old one was moved away', async () => {
    const file = path.join(scratchDir(), 'access.log');
    const { log } = recorder();
    const target = openAccessLogFile(file, log);
    target.write('one\n');
    while (readFileSync(file, 'utf8') !== 'one\n') await sleep(5);
    renameSync(file, `${file}.1`);
    target.reopen();
    target.write('two\n');
    await target.close();
    expect([readFileSync(`${file}.1`, 'utf8'), readFileSync(file, 'utf8')]).toEqual(['one\n', 'two\n']);
  });

  it('that cannot be opened again loses lines, says so, and goes on when it can', async () => {
    const dir = path.join(scratchDir(), 'logs');
    mkdirSync(dir);
    const file = path.join(dir, 'access.log');
    const { log, told } = recorder();
    const target = openAccessLogFile(file, log);
    rmSync(dir, { recursive: true });
    target.reopen();
    target.write('kept until there is room\n');
    expect(told.map(([message]) => message)).toEqual([expect.stringContaining('cannot be written')]);
    mkdirSync(dir);
    target.reopen();
    await target.close();
    expect(readFileSync(file, 'utf8')).toBe('kept until there is room\n');
  });

  itWith(['mount'], 'on a full disk counts the lines that it loses, and goes on when there is room', async () => {
    const dir = path.join(scratchDir(), 'small');
    mkdirSync(dir);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', dir], { stdio: 'pipe' });
    } catch {
      return; // only root may mount
    }
    try {
      const { log, told } = recorder();
      const file = path.join(dir, 'access.log');
      const target = openAccessLogFile(file, log);
      const ballast = path.join(dir, 'ballast');
      try {
        writeFileSync(ballast, Buffer.alloc(80_000));
      } catch {
        // full, as it should be
      }
      for (let i = 0; i < 100; i++) target.write(`${'x'.repeat(100)}\n`);
      while (told.length === 0) await sleep(5);
      rmSync(ballast);
      target.reopen();
      target.write('after\n');
      await target.close();
      const lines = readFileSync(file, 'utf8').split('\n');
      expect(lines.at(-2)).toBe('after');
      const again = told.find(([message]) => message.includes('written again'));
      // what stands whole and what is told as lost is all there was
      const whole = lines.filter((line) => line === 'x'.repeat(100)).length;
      expect(whole + Number(again?.[1]['lines_lost'])).toBe(100);
    } finally {
      execFileSync('umount', [dir]);
    }
  });
});

it('SIGHUP and SIGUSR1 open both log files again, and nothing else happens', async () => {
  const fixture = makeFixture(scratchDir(), { crates: 3 });
  const [access, log] = ['access.log', 'server.log'].map((name) => path.join(fixture.dir, name)) as [string, string];
  const places = ['--index-dir', fixture.indexDir, '--root', fixture.loose('shard'), '--listen', ':0'];
  let kill: (signal: NodeJS.Signals) => void = () => undefined;
  const ended = runBin(BIN, ['serve', ...places, '--access-log', access, '--log-file', log], {
    onSpawn: (send) => (kill = send),
  });
  const textOf = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  while (!textOf(log).includes('serving')) await sleep(20);
  const url = /url=(\S+)/.exec(textOf(log))?.[1] ?? '';
  for (const signal of ['SIGHUP', 'SIGUSR1'] as const) {
    for (const file of [access, log]) renameSync(file, `${file}.${signal}`);
    kill(signal);
    while (!textOf(log).includes('opened again')) await sleep(20);
    await fetch(`${url}/${signal}`);
    while (!textOf(access).includes(signal)) await sleep(20);
  }
  kill('SIGTERM');
  const { status, stderr } = await ended;
  expect(status).toBe(143);
  expect(stderr).not.toContain('Debugger');
  expect(textOf(`${access}.SIGUSR1`)).toContain('/SIGHUP');
});

it.each([
  [4096, 1_048_576, 4096, 0],
  [4096, 1024, 480, 1],
  [100, 1024, 100, 0],
  [100, 20, 1, 1],
])('%i connections with %i open files are %i', (wanted, files, most, warnings) => {
  const { told, log } = recorder();
  expect([connectionLimit(wanted, log, files), told.length]).toEqual([most, warnings]);
});
