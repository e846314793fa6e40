import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { scratchDir } from '@mirror-tools/test-support';
import { formatManifestRecord, readJournal } from '../../dist/index.js';
import type { ManifestRecord } from '../../dist/index.js';

const record = (over: Partial<ManifestRecord> = {}): ManifestRecord => ({
  url: 'https://static.crates.io/crates/serde/serde-1.0.0.crate',
  path: 's/er/serde-1.0.0.crate',
  size: 77_135,
  sha256: 'ab'.repeat(32),
  mtimeUs: 1_763_805_600_123_456,
  startedAt: 0,
  finishedAt: 1000,
  status: 'downloaded',
  name: 'serde',
  vers: '1.0.0',
  runId: 'r1',
  ...over,
});

const evidence = (of: ManifestRecord): { path: string; size: number; mtimeUs: number; sha256: string } => ({
  path: of.path,
  size: of.size ?? 0,
  mtimeUs: of.mtimeUs ?? 0,
  sha256: of.sha256 ?? '',
});

async function journalOf(text: string): Promise<Awaited<ReturnType<typeof readJournal>>> {
  const file = path.join(scratchDir(), 'manifest.jsonl');
  writeFileSync(file, text);
  return readJournal(file);
}

it('a record vouches for exactly its path, size, time and digest', async () => {
  const journal = await journalOf(formatManifestRecord(record()));
  const known = evidence(record());
  expect(journal.vouches(known)).toBe(true);
  expect(journal.vouches({ ...known, path: 's/er/serde-1.0.1.crate' })).toBe(false);
  expect(journal.vouches({ ...known, size: known.size + 1 })).toBe(false);
  expect(journal.vouches({ ...known, mtimeUs: known.mtimeUs + 1 })).toBe(false);
  expect(journal.vouches({ ...known, sha256: 'cd'.repeat(32) })).toBe(false);
});

it('failed and absent records vouch for nothing', async () => {
  const journal = await journalOf(
    ['failed', 'absent'].map((status) => formatManifestRecord(record({ status: status as 'failed' }))).join(''),
  );
  expect(journal.size).toBe(0);
  expect(journal.vouches(evidence(record()))).toBe(false);
});

it('a torn last line and lines of somebody else are counted and believed in nothing', async () => {
  const whole = formatManifestRecord(record());
  const torn = formatManifestRecord(record({ path: 'o/th/other-1.0.0.crate' })).slice(0, 120);
  const journal = await journalOf(`${whole}garbage\n${torn}`);
  expect([journal.size, journal.unreadable]).toEqual([1, 2]);
});

it('a missing manifest is an empty journal', async () => {
  expect((await readJournal(path.join(scratchDir(), 'none'))).size).toBe(0);
});

it('many records in many blocks are all known', async () => {
  const file = path.join(scratchDir(), 'manifest.jsonl');
  const records = Array.from({ length: 30_000 }, (_, i) =>
    record({ path: `s/er/serde-1.0.${String(i)}.crate`, size: i }),
  );
  for (let i = 0; i < records.length; i += 1000)
    appendFileSync(
      file,
      records
        .slice(i, i + 1000)
        .map(formatManifestRecord)
        .join(''),
    );
  const journal = await readJournal(file);
  expect(journal.size).toBe(records.length);
  expect(records.every((each) => journal.vouches(evidence(each)))).toBe(true);
});

it('a manifest that threads read is known whole, and of several records of a file the last one counts', async () => {
  const count = 50_000;
  const lines = Array.from({ length: count }, (_, i) =>
    formatManifestRecord(record({ path: `s/er/serde-1.0.${String(i)}.crate`, size: i })),
  );
  lines.splice(count / 2, 0, 'garbage\n', formatManifestRecord(record({ path: 'é"', size: 1 })));
  lines.push(formatManifestRecord(record({ path: 's/er/serde-1.0.7.crate', size: 700 })));
  const text = lines.join('');
  expect(text.length).toBeGreaterThan(17 << 20);
  const journal = await journalOf(text);
  expect([journal.size, journal.unreadable]).toEqual([count + 1, 1]);
  for (let i = 0; i < count; i += 1) {
    const known = evidence(record({ path: `s/er/serde-1.0.${String(i)}.crate`, size: i }));
    if (journal.vouches(known) === (i === 7)) throw new Error(`record ${String(i)}`);
    if (!journal.knows(known)) throw new Error(`record ${String(i)} is not known`);
  }
  expect(journal.vouches(evidence(record({ path: 's/er/serde-1.0.7.crate', size: 700 })))).toBe(true);
  expect(journal.vouches(evidence(record({ path: 'é"', size: 1 })))).toBe(true);
});

it('an abort ends the reading of a long manifest with its reason', async () => {
  const file = path.join(scratchDir(), 'manifest.jsonl');
  writeFileSync(file, formatManifestRecord(record()).repeat(60_000));
  const reason = new Error('stopped');
  await expect(readJournal(file, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

it('whatever stands in a record, it vouches for itself and for nothing else', async () => {
  const text = fc.string({ unit: 'binary', maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(text, text, fc.nat(), text, async (name, url, size, error) => {
      const one = record({ path: name, url, size, error });
      const journal = await journalOf(formatManifestRecord(one));
      expect(journal.vouches(evidence(one))).toBe(true);
      expect(journal.vouches({ ...evidence(one), path: `${name}x` })).toBe(false);
    }),
    { numRuns: 200 },
  );
});
