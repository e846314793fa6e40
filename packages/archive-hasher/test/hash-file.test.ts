import { expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSteadily } from '../dist/hash-file.js';
import type { FileOutcome } from '../dist/hash-file.js';

const LONG_AGO = 1_700_000_000;

/** What becomes of a file of four bytes when `meddle` is called while it is read, the first time or each time. */
async function outcomeOf(
  meddle: (file: string) => void,
  { each = false }: { readonly each?: boolean } = {},
): Promise<{ readonly outcome: FileOutcome; readonly reads: number }> {
  const root = scratchDir();
  const file = path.join(root, 'f');
  writeFileSync(file, 'abcd');
  utimesSync(file, LONG_AGO, LONG_AGO);
  await sleep(30); // longer than a tick of the clock that file systems go by
  let reads = 0;
  const outcome = readSteadily('f', { root, follow: false, retries: 2 }, (fd, size) => {
    const text = readFileSync(fd, 'utf8');
    reads += 1;
    if (each || reads === 1) meddle(file);
    return { size, digests: [text] };
  });
  return { outcome, reads };
}

it('a file that nobody touches is read once', async () => {
  expect(await outcomeOf(() => undefined)).toMatchObject({ outcome: { size: 4, digests: ['abcd'] }, reads: 1 });
});

it('one that another takes the place of meanwhile is read again, and is the other', async () => {
  const replace = (file: string): void => {
    writeFileSync(`${file}.new`, 'wxyz');
    renameSync(`${file}.new`, file);
  };
  expect(await outcomeOf(replace)).toMatchObject({ outcome: { size: 4, digests: ['wxyz'] }, reads: 2 });
});

it('one that is changed meanwhile is found out though its length and its time are put back', async () => {
  const tamper = (file: string): void => {
    writeFileSync(file, 'abcX', { flag: 'r+' });
    utimesSync(file, LONG_AGO, LONG_AGO);
  };
  expect(await outcomeOf(tamper)).toMatchObject({ outcome: { digests: ['abcX'] }, reads: 2 });
});

it('one that is deleted meanwhile has vanished, and one that never rests has changed', async () => {
  expect(await outcomeOf(rmSync)).toMatchObject({ outcome: { reason: 'vanished' }, reads: 1 });
  const grow = (file: string): void => writeFileSync(file, 'more', { flag: 'a' });
  expect(await outcomeOf(grow, { each: true })).toMatchObject({ outcome: { reason: 'changed' }, reads: 3 });
});
