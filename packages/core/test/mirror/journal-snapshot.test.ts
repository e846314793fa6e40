import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  openSync,
  closeSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { scratchDir } from '@mirror-tools/test-support';
import { formatManifestRecord, readJournal } from '../../dist/index.js';
import type { Journal } from '../../dist/index.js';

const COUNT = 50_000;
const TORN = '{"schema_version":1,"url":"https://static.cra';

const pathOf = (i: number): string => `s/er/serde-1.0.${String(i)}.crate`;
const evidence = (i: number, size = i) => ({ path: pathOf(i), size, mtimeUs: 1_000_000 + i, sha256: 'ab'.repeat(32) });
const lineOf = (i: number, size = i): string =>
  formatManifestRecord({
    url: `https://static.crates.io/crates/serde/serde-1.0.${String(i)}.crate`,
    ...evidence(i, size),
    startedAt: 0,
    finishedAt: 1000,
    status: 'downloaded',
    name: 'serde',
    vers: `1.0.${String(i)}`,
    runId: 'r1',
  });

let text: string;
beforeAll(() => {
  text = Array.from({ length: COUNT }, (_, i) => lineOf(i)).join('');
});

/** A manifest of 50,000 records with a torn line at its end, and the snapshot that reading it left. */
async function withSnapshot(): Promise<{ manifest: string; file: string; read: () => Promise<Journal> }> {
  const dir = scratchDir();
  const [manifest, file] = [path.join(dir, 'manifest.jsonl'), path.join(dir, '.mirror', 'journal-snapshot')];
  writeFileSync(manifest, text + TORN);
  await readJournal(manifest, { snapshot: { file, keep: true } });
  return { manifest, file, read: () => readJournal(manifest, { snapshot: { file, keep: false } }) };
}

function overwrite(file: string, at: number, bytes: string): void {
  const fd = openSync(file, 'r+');
  writeSync(fd, bytes, at);
  closeSync(fd);
}

describe('a journal with a snapshot', () => {
  it('knows what the manifest says, and reads no more of it than what was added', async () => {
    const { manifest, read } = await withSnapshot();
    const middle = text.indexOf(lineOf(25_000));
    overwrite(manifest, middle, ' '.repeat(20)); // nobody looks there any more
    appendFileSync(manifest, `\n${lineOf(7, 700)}${lineOf(COUNT)}`);
    const journal = await read();
    expect([journal.size, journal.unreadable]).toEqual([COUNT + 1, 1]);
    expect(journal.vouches(evidence(25_000))).toBe(true);
    expect(journal.vouches(evidence(7))).toBe(false);
    expect(journal.vouches(evidence(7, 700))).toBe(true);
    expect(journal.vouches(evidence(COUNT))).toBe(true);
    expect(journal.knows(evidence(COUNT + 1))).toBe(false);
  });

  it('counts a torn last line as long as it is torn', async () => {
    const { manifest, read } = await withSnapshot();
    expect((await read()).unreadable).toBe(1);
    truncateSync(manifest, text.length);
    expect((await read()).unreadable).toBe(0);
  });

  it.each<[string, (manifest: string) => void]>([
    ['shorter', (manifest) => void truncateSync(manifest, text.length - lineOf(COUNT - 1).length)],
    ['another file', (manifest) => void copyOver(manifest)],
    ['another one at its beginning', (manifest) => void overwrite(manifest, 0, ' '.repeat(20))],
    ['another one at its end', (manifest) => void overwrite(manifest, text.length - 300, ' '.repeat(20))],
  ])('reads a manifest anew that is %s', async (_, change) => {
    const { manifest, read } = await withSnapshot();
    overwrite(manifest, text.indexOf(lineOf(25_000)), ' '.repeat(20));
    expect((await read()).knows(evidence(25_000))).toBe(true);
    change(manifest);
    const journal = await read();
    expect(journal.knows(evidence(25_000))).toBe(false);
    expect(journal.knows(evidence(24_999))).toBe(true);
  });

  it.each<[string, (file: string) => void]>([
    ['of nothing', (file) => void writeFileSync(file, '')],
    ['cut off', (file) => void truncateSync(file, statSync(file).size - 1)],
    ['with a torn head', (file) => void overwrite(file, 5, '!!')],
    ['with another table', (file) => void overwrite(file, statSync(file).size >> 1, 'wrong')],
    [
      'of a later format',
      (file) => void overwrite(file, 0, readFileSync(file, 'latin1').slice(0, 20).replace(':1,', ':2,')),
    ],
  ])('does not believe a snapshot %s', async (_, damage) => {
    const { manifest, file, read } = await withSnapshot();
    overwrite(manifest, text.indexOf(lineOf(25_000)), ' '.repeat(20));
    damage(file);
    const journal = await read();
    expect([journal.size, journal.knows(evidence(25_000))]).toEqual([COUNT - 1, false]);
  });

  it('is kept only when asked for, only of a long manifest, and nothing depends on it', async () => {
    const dir = scratchDir();
    const manifest = path.join(dir, 'manifest.jsonl');
    const file = path.join(dir, 'snapshot');
    writeFileSync(manifest, lineOf(1));
    expect((await readJournal(manifest, { snapshot: { file, keep: true } })).size).toBe(1);
    writeFileSync(manifest, text);
    expect((await readJournal(manifest, { snapshot: { file, keep: false } })).size).toBe(COUNT);
    expect(existsSync(file)).toBe(false);
    const impossible = path.join(manifest, 'snapshot');
    expect((await readJournal(manifest, { snapshot: { file: impossible, keep: true } })).size).toBe(COUNT);
    expect(readdirSync(dir)).toEqual(['manifest.jsonl']);
  });
});

function copyOver(manifest: string): void {
  const copy = `${manifest}.copy`;
  copyFileSync(manifest, copy);
  renameSync(copy, manifest);
}
