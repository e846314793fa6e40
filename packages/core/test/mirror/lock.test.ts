import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { acquireLock, whenLockIsLost } from '../../dist/index.js';
import type { MirrorError } from '../../dist/index.js';

const core = fileURLToPath(new URL('../../dist/index.js', import.meta.url));

it('the second one is told who holds the lock', () => {
  const file = path.join(scratchDir(), 'lock');
  const lock = acquireLock(file, 'mirror-downloader download');
  expect(() => acquireLock(file, 'other')).toThrow(`mirror-downloader download, process ${String(process.pid)}`);
  lock.release();
  acquireLock(file, 'other').release();
  expect(existsSync(file)).toBe(false);
});

const holding = (file: string): string =>
  `import { acquireLock } from ${JSON.stringify(core)}; acquireLock(${JSON.stringify(file)}, 'victim'); console.log(process.pid); setInterval(() => 0, 1000);`;

it('the lock of a killed process is taken over', async () => {
  const file = path.join(scratchDir(), 'lock');
  const child = spawn(process.execPath, ['--input-type=module', '-e', holding(file)]);
  await once(child.stdout, 'data');
  expect(() => acquireLock(file, 'other')).toThrow('victim');
  child.kill('SIGKILL');
  await once(child, 'close');
  acquireLock(file, 'other').release();
  expect(readdirSync(path.dirname(file))).toEqual([]);
});

itWith(['setsid'], 'the lock of a killed process is taken over, also while its parent does not care', async () => {
  const file = path.join(scratchDir(), 'lock');
  const script = 'setsid "$0" --input-type=module -e "$1" & exec sleep 60';
  const parent = spawn('sh', ['-c', script, process.execPath, holding(file)]);
  const pid = Number(String((await once(parent.stdout, 'data'))[0]));
  process.kill(pid, 'SIGKILL');
  while (!readFileSync(`/proc/${String(pid)}/stat`, 'utf8').includes(') Z ')) await sleep(5);
  acquireLock(file, 'other').release();
  process.kill(pid, 0); // what is left of it can still be asked for
  parent.kill();
});

it('the lock of another host counts as held', () => {
  const file = path.join(scratchDir(), 'lock');
  acquireLock(file, 'mirror').release();
  writeFileSync(
    file,
    `${JSON.stringify({ pid: 1, host: 'elsewhere.example', boot: 'x', process_start: '1', command: 'mirror', since: 'then' })}\n`,
  );
  expect(() => acquireLock(file, 'other')).toThrow('elsewhere.example');
});

it('a process id that is used again does not keep a stale lock alive', () => {
  const file = path.join(scratchDir(), 'lock');
  const first = acquireLock(file, 'mirror');
  const owner = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  first.release();
  if (owner['process_start'] === '') return; // the system does not tell when a process started
  writeFileSync(file, JSON.stringify({ ...owner, process_start: '1' }));
  acquireLock(file, 'other').release();
});

it('of many that want a stale lock at once, exactly one gets it', async () => {
  const file = path.join(scratchDir(), 'lock');
  writeFileSync(file, 'left behind');
  const script = `import { acquireLock } from ${JSON.stringify(core)}; try { acquireLock(${JSON.stringify(file)}, 'x'); console.log('held'); setTimeout(() => 0, 60_000); } catch (error) { console.log(error.code); }`;
  const children = Array.from({ length: 6 }, () => spawn(process.execPath, ['--input-type=module', '-e', script]));
  const closed = children.map((child) => once(child, 'close'));
  const words = await Promise.all(children.map(async (child) => String((await once(child.stdout, 'data'))[0]).trim()));
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(closed);
  expect(words.filter((word) => word === 'held')).toHaveLength(1);
  expect(words.filter((word) => word === 'ERR_LOCKED')).toHaveLength(5);
});

describe('the lock of a run that cannot be seen from here', () => {
  const elsewhere = async (file: string, seconds: number, more: object = {}): Promise<void> => {
    const lock = acquireLock(file, 'mirror-downloader download');
    const owner = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    lock.release();
    writeFileSync(file, `${JSON.stringify({ ...owner, ...more })}\n`);
    const at = Date.now() / 1000 - seconds;
    utimesSync(file, at, at);
    return Promise.resolve();
  };

  it.each([
    ['in another PID namespace with the same name of the host', { pid_namespace: 'pid:[1]' }],
    ['on another machine', { host: 'elsewhere.example', boot: 'other' }],
    ['on another machine of the same name', { boot: 'other' }],
  ])('%s is held while it gives signs of life, whatever its process id means here', async (_, more) => {
    const file = path.join(scratchDir(), 'lock');
    await elsewhere(file, 20, { pid: 2 ** 30, ...more });
    expect(() => acquireLock(file, 'other')).toThrow(/last sign of life (19|2\d) s ago/);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: 2 ** 30 });
  });

  it('is taken over when it has been silent for a minute and stays silent', async () => {
    const file = path.join(scratchDir(), 'lock');
    await elsewhere(file, 61, { pid_namespace: 'pid:[1]' });
    acquireLock(file, 'other').release();
    expect(readdirSync(path.dirname(file))).toEqual([]);
  }, 60_000);

  it('stays with a living owner whose clock is an hour behind', async () => {
    const file = path.join(scratchDir(), 'lock');
    await elsewhere(file, 3600, { pid_namespace: 'pid:[1]' });
    const beat = `const fs = require('node:fs'); const at = Date.now() / 1000 - 3600; setInterval(() => { const text = fs.readFileSync(${JSON.stringify(file)}, 'utf8'); fs.writeFileSync(${JSON.stringify(file)}, text.replace(/"beats":"(\\d+)"/, (_, n) => '"beats":"' + String(Number(n) + 1).padStart(10, '0') + '"')); fs.utimesSync(${JSON.stringify(file)}, at, at); }, 1000); console.log('ready')`;
    const child = spawn(process.execPath, ['-e', beat]);
    await once(child.stdout, 'data');
    try {
      expect(() => acquireLock(file, 'other')).toThrow('another run holds');
    } finally {
      child.kill();
    }
  }, 60_000);
});

describe('a lock that is held', () => {
  it('is renewed, and stays one that only its owner gives back', async () => {
    const file = path.join(scratchDir(), 'lock');
    const lock = acquireLock(file, 'mirror', { beatMs: 5 });
    const beats = (): number => Number((JSON.parse(readFileSync(file, 'utf8')) as { beats: string }).beats);
    while (beats() < 3) await sleep(5);
    const { length } = readFileSync(file);
    while (beats() < 12) await sleep(5);
    expect(readFileSync(file)).toHaveLength(length);
    lock.release();
    expect(existsSync(file)).toBe(false);
  });

  it.each([
    ['taken by another run', (file: string) => writeFileSync(file, '{"pid":1,"id":"theirs"}\n')],
    ['removed', (file: string) => unlinkSync(file)],
  ])('and is %s is noticed by its owner, who leaves the new one alone', async (_, change) => {
    const file = path.join(scratchDir(), 'lock');
    const lost = new Promise<MirrorError>((resolve) => {
      whenLockIsLost(resolve);
    });
    const lock = acquireLock(file, 'mirror', { beatMs: 5 });
    change(file);
    expect(await lost).toMatchObject({ code: 'ERR_LOCKED', message: expect.stringContaining(file) as unknown });
    const left = existsSync(file);
    lock.release();
    expect(existsSync(file)).toBe(left);
  });
});

describe('on a disk without hard links', () => {
  const noLinks = (): never => {
    throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' });
  };

  it('one run gets the lock, and a killed one loses it', () => {
    const file = path.join(scratchDir(), 'lock');
    const lock = acquireLock(file, 'mirror-downloader download', { link: noLinks });
    expect(() => acquireLock(file, 'other', { link: noLinks })).toThrow('mirror-downloader download');
    const owner = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    lock.release();
    writeFileSync(file, JSON.stringify({ ...owner, pid: 2 ** 30 }));
    acquireLock(file, 'other', { link: noLinks }).release();
    expect(readdirSync(path.dirname(file))).toEqual([]);
  });

  it('a lock that is not written yet counts as held for ten seconds', () => {
    const file = path.join(scratchDir(), 'lock');
    writeFileSync(file, '');
    expect(() => acquireLock(file, 'other', { link: noLinks })).toThrow('is about to take');
    const before = Date.now() / 1000 - 11;
    utimesSync(file, before, before);
    acquireLock(file, 'other', { link: noLinks }).release();
  });
});
