import { describe, expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createBundleWriter, openBundle } from '../../dist/index.js';
import { all, digests, sampleFiles, type SampleFile } from './sample-files.ts';

const KILLS = 20;
const FILES = 700;
const small = { frameBytes: 64 * 1024, targetBytes: 1024 * 1024 };

it('killed at any moment and started again: nothing lost, nothing twice, and the bytes of a run that was not killed', async () => {
  const [calm, hunted] = [scratchDir(), scratchDir()];
  expect(await runUntil(calm, {})).toMatchObject({ closed: true });
  let durable = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const finished = bundlesOf(hunted);
    // by turns early, where an earlier run is recovered, and a little after the next file or two became durable
    const moment =
      kill % 3 === 0
        ? { afterMs: 60 + ((kill * 37) % 90) }
        : { afterDurable: durable + 1 + ((kill * 7) % 20), afterMs: (kill * 5) % 17 };
    const run = await runUntil(hunted, { ...moment, hold: durable + 33 });
    expect(run.closed).toBe(false);
    durable = Math.max(durable, run.durable);
    expect(bundlesOf(hunted)).toMatchObject(finished);
    await expectHeld(hunted, durable);
  }
  expect(durable).toBeGreaterThan(KILLS);
  expect(await runUntil(hunted, {})).toMatchObject({ closed: true });
  expect(digests(hunted)).toEqual(digests(calm));
}, 120_000);

describe('what a crash may leave', () => {
  const files = sampleFiles(60, 90_000);

  it('an archive cut anywhere is brought to its last whole file, and completed', async () => {
    const { calm, template } = await interrupted(files);
    const archive = 'bundle-0000.tar.zst.part';
    const size = readFileSync(path.join(template, archive)).length;
    for (let cut = 0; cut < size; cut += Math.ceil(size / 9)) {
      await expectCompleted(template, calm, files, (dir) => truncateSync(path.join(dir, archive), cut));
    }
  });

  it('an index cut anywhere, in the middle of a line too', async () => {
    const { calm, template } = await interrupted(files);
    const index = 'bundle-0000.index.jsonl.part';
    const size = readFileSync(path.join(template, index)).length;
    for (let cut = 0; cut < size; cut += Math.ceil(size / 9)) {
      await expectCompleted(template, calm, files, (dir) => truncateSync(path.join(dir, index), cut));
    }
  });

  it('pages that never reached the disk: zeros or noise in the archive, the index, or the tail', async () => {
    const { calm, template } = await interrupted(files);
    for (const name of readdirSync(template)) {
      await expectCompleted(template, calm, files, (dir) => {
        const bytes = readFileSync(path.join(dir, name));
        const middle = Math.floor(bytes.length / 2);
        writeFileSync(path.join(dir, name), bytes.fill(0, middle, Math.min(bytes.length, middle + 4096)));
      });
      await expectCompleted(template, calm, files, (dir) => appendFileSync(path.join(dir, name), 'noise'));
    }
  });

  it('any of the files missing', async () => {
    const { calm, template } = await interrupted(files);
    for (const name of readdirSync(template))
      await expectCompleted(template, calm, files, (dir) => rmSync(path.join(dir, name)));
  });

  it('a tail of an earlier frame, and half of a new one', async () => {
    const { calm, template } = await interrupted(files);
    await expectCompleted(template, calm, files, (dir) => {
      writeFileSync(path.join(dir, 'bundle-0000.tail-0.part'), 'old');
      writeFileSync(path.join(dir, 'bundle-0000.tail-7.part.new'), 'half');
    });
  });
});

describe('a stop while the bundle gets its names', () => {
  const files = sampleFiles(30, 20_000);

  it('after the index has its name', async () => {
    const { calm, template } = await interrupted(files, true);
    await expectCompleted(template, calm, files, (dir) =>
      linkSync(path.join(dir, 'bundle-0000.index.jsonl.part'), path.join(dir, 'bundle-0000.index.jsonl')),
    );
    await expectCompleted(template, calm, files, (dir) =>
      renameSync(path.join(dir, 'bundle-0000.index.jsonl.part'), path.join(dir, 'bundle-0000.index.jsonl')),
    );
  });

  it('after both have: only the leftovers go', async () => {
    const { calm } = await interrupted(files, true);
    const dir = path.join(scratchDir(), 'x');
    cpSync(calm, dir, { recursive: true });
    for (const name of readdirSync(dir)) linkSync(path.join(dir, name), path.join(dir, `${name}.part`));
    writeFileSync(path.join(dir, 'bundle-0000.tail-3.part'), 'old');
    const writer = await createBundleWriter({ dir, ...small });
    for (const file of files) expect(await writer.add(file)).toMatchObject({ isNew: false });
    await writer.close();
    expect(digests(dir)).toEqual(digests(calm));
  });

  it('after the end of the archive was written, and more files come', async () => {
    const { template } = await interrupted(files, true);
    const finished = scratchDir();
    cpSync(template, finished, { recursive: true });
    const writer = await createBundleWriter({ dir: finished, ...small });
    await writer.close();
    const dir = path.join(scratchDir(), 'x');
    mkdirSync(dir);
    copyFileSync(path.join(finished, 'bundle-0000.tar.zst'), path.join(dir, 'bundle-0000.tar.zst.part'));
    copyFileSync(path.join(finished, 'bundle-0000.index.jsonl'), path.join(dir, 'bundle-0000.index.jsonl.part'));
    const more = sampleFiles(50, 20_000);
    const calm = scratchDir();
    await addAll(calm, more);
    await addAll(dir, more);
    expect(digests(dir)).toEqual(digests(calm));
  });

  it('a finished and another unfinished bundle of one number are not touched', async () => {
    const { calm, template } = await interrupted(files, true);
    cpSync(calm, template, { recursive: true });
    const before = digests(template);
    await expect(createBundleWriter({ dir: template, ...small })).rejects.toMatchObject({
      code: 'ERR_IO',
      hint: expect.stringContaining('copied'),
    });
    expect(digests(template)).toEqual(before);
  });
});

it('an unfinished bundle is continued with other settings too', async () => {
  const files = sampleFiles(60, 90_000);
  const dir = scratchDir();
  const first = await createBundleWriter({ dir, frameBytes: 4 * 2 ** 20, targetBytes: 2 ** 24 });
  for (const file of files.slice(0, 40)) await first.add(file);
  await first.suspend();
  await addAll(dir, files, { frameBytes: 64 * 1024, targetBytes: 2 ** 24 });
  const bundle = await openBundle(path.join(dir, 'bundle-0000.tar.zst'));
  expect((await all(bundle.entries())).map((entry) => entry.path)).toEqual(files.map((file) => file.path));
  expect(await all(bundle.verify())).toEqual([]);
  await bundle.close();
});

/** A folder with a finished run, and one with the files of a run that stopped after about two thirds (or all) of the adds. */
async function interrupted(
  files: readonly SampleFile[],
  afterAll = false,
): Promise<{ calm: string; template: string }> {
  const [calm, template] = [scratchDir(), scratchDir()];
  await addAll(calm, files, { ...small, targetBytes: 2 ** 30 });
  const writer = await createBundleWriter({ dir: template, ...small, targetBytes: 2 ** 30 });
  for (const file of afterAll ? files : files.slice(0, 41)) await writer.add(file);
  await writer.suspend();
  return { calm, template };
}

async function expectCompleted(
  template: string,
  calm: string,
  files: readonly SampleFile[],
  harm: (dir: string) => void,
): Promise<void> {
  const dir = path.join(scratchDir(), 'x');
  cpSync(template, dir, { recursive: true });
  harm(dir);
  await addAll(dir, files, { ...small, targetBytes: 2 ** 30 });
  expect(digests(dir)).toEqual(digests(calm));
}

async function addAll(
  dir: string,
  files: readonly SampleFile[],
  options: { frameBytes: number; targetBytes: number } = small,
): Promise<void> {
  const writer = await createBundleWriter({ dir, ...options });
  for (const file of files) await writer.add(file);
  await writer.close();
}

/** Run the child, to its end or until it is killed: `afterMs` after its start, or after it called so many files durable. */
async function runUntil(
  dir: string,
  { afterMs, afterDurable = 0, hold }: { afterMs?: number; afterDurable?: number; hold?: number },
): Promise<{ durable: number; closed: boolean }> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('write-until-killed.js', import.meta.url)), dir, String(FILES), String(hold ?? '')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  let timer: NodeJS.Timeout | undefined;
  const durable = (): number =>
    Math.max(
      0,
      ...output
        .split('\n')
        .slice(0, -1)
        .map((line) => Number(line) || 0),
    );
  const aim = (): void => {
    if (afterMs !== undefined && durable() >= afterDurable) timer ??= setTimeout(() => child.kill('SIGKILL'), afterMs);
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    aim();
  });
  aim();
  await once(child, 'close');
  clearTimeout(timer);
  return { durable: durable(), closed: output.includes('closed') };
}

function bundlesOf(dir: string): Record<string, string> {
  return Object.fromEntries(Object.entries(digests(dir)).filter(([name]) => /\.(zst|jsonl)$/.test(name)));
}

/** A copy of what the killed run left holds every file that was called durable. */
async function expectHeld(dir: string, durable: number): Promise<void> {
  const copy = path.join(scratchDir(), 'copy');
  cpSync(dir, copy, { recursive: true });
  const writer = await createBundleWriter({ dir: copy });
  for (let number = 0; number < durable; number += 1) expect(writer.has(`k/il/kill-${number}.crate`)).toBe(true);
  await writer.close();
}
