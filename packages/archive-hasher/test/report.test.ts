import { expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'smol-toml';
import { ALGORITHMS, readReport } from '../dist/index.js';
import type { ReportEntry, ReportHeader } from '../dist/index.js';
import { formatEntry, formatFile } from '../dist/report.js';
import { readTomlString, readTomlTime, tomlString, tomlTime } from '../dist/toml-text.js';
import { comparePaths, isTreePath } from '../dist/tree-path.js';
import { createReportWriter } from '../dist/write-report.js';

const hashes = new Map(ALGORITHMS.map(({ name, digestBytes }) => [name, 'ab'.repeat(digestBytes)]));

const header: ReportHeader = {
  directory: {
    name: 'a "name"',
    totalFiles: 1,
    totalDirectories: 2,
    totalSizeBytes: 3,
    inventoryDate: '2026-01-31T12:00:00Z',
    symlinks: 'record',
    skipped: ['special', 'changed'],
    excluded: ['out/x.toml', 'a "b", c'],
  },
  hashes,
  signature: { file: 'x.toml.asc', publicKey: 'x.pub.asc', fingerprint: 'ab'.repeat(20) },
};

function textOf(entry: ReportEntry): string {
  if (entry.kind !== 'file') return formatEntry(entry);
  return formatFile({ ...entry, digests: [...entry.hashes.values()] }, [...entry.hashes.keys()]);
}

async function written(entries: readonly ReportEntry[], dir: string = scratchDir()): Promise<string> {
  const file = path.join(dir, 'x.toml');
  rmSync(file, { force: true });
  const writer = await createReportWriter(`${file}.entries.part`, 'the report');
  await writer.add(entries.map(textOf).join(''));
  await writer.finish(header, file);
  await writer.close();
  expect(readdirSync(dir)).toEqual(['x.toml']);
  return file;
}

async function readBack(file: string): Promise<{ header: ReportHeader; entries: ReportEntry[] }> {
  const reader = await readReport(file);
  const entries: ReportEntry[] = [];
  for await (const entry of reader.entries) entries.push(entry);
  return { header: reader.header, entries };
}

const HOSTILE_NAMES = [
  'a"b',
  'a\nb',
  'a\\b',
  "a'b",
  'a\tb',
  'a\u0001\u007F\u0085b',
  'ü/é',
  '日本',
  '\u{1F600}',
  'a.b',
  '[x]',
  '#',
  ' ',
  'a = b',
  '\u2028',
  '//caf%E9',
];

function fileEntry(name: string): ReportEntry {
  return { kind: 'file', path: name, size: 2 ** 53 - 1, modifiedNs: 1_700_000_000_123_456_789n, hashes };
}

it('what is written is read back, whatever the names are', async () => {
  const dir = scratchDir();
  const anyPath = fc
    .oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...HOSTILE_NAMES))
    .filter(isTreePath)
    .filter((name) => Buffer.from(name).toString() === name);
  const time = fc.bigInt({ min: -62_000_000_000_000_000_000n, max: 250_000_000_000_000_000_000n });
  const entry = fc.oneof(
    fc.record({
      kind: fc.constant('file' as const),
      path: anyPath,
      size: fc.maxSafeNat(),
      modifiedNs: time,
      hashes: fc.constant(hashes),
    }),
    fc.record({ kind: fc.constant('symlink' as const), path: anyPath, target: anyPath }),
    fc.record({
      kind: fc.constant('problem' as const),
      path: anyPath,
      reason: fc.constantFrom('special' as const, 'changed' as const),
      detail: fc.string(),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(entry, { selector: (each) => each.path, maxLength: 8 }), async (entries) => {
      const sorted = [...entries].sort((a, b) => comparePaths(a.path, b.path));
      expect(await readBack(await written(sorted, dir))).toEqual({ header, entries: sorted });
    }),
    { numRuns: 100 },
  );
});

it('smol-toml reads the same', async () => {
  const names = [...HOSTILE_NAMES].sort(comparePaths);
  const table = parse(readFileSync(await written(names.map(fileEntry)), 'utf8'), {
    integersAsBigInt: 'asNeeded',
  }) as unknown as {
    files: Record<string, { hashes: Record<string, string>; modified: Date }>;
    directory: Record<string, unknown>;
  };
  expect(Object.keys(table.files).sort(comparePaths)).toEqual(names);
  expect(table.files['a\nb']?.hashes['sha256']).toBe(hashes.get('sha256'));
  expect(table.files['a\nb']?.modified.getTime()).toBe(1_700_000_000_123);
  expect(table.directory['excluded']).toEqual(header.directory.excluded);
});

itWith(['python3'], 'the parser of Python reads the same', async () => {
  const names = [...HOSTILE_NAMES].sort(comparePaths);
  const file = await written(names.map(fileEntry));
  const program =
    'import tomllib,json,sys; t=tomllib.load(open(sys.argv[1],"rb")); print(json.dumps([sorted(t["files"]), t["files"]["a\\\\b"]["hashes"], t["directory"]["name"]]))';
  const [found, digests, name] = JSON.parse(execFileSync('python3', ['-c', program, file], { encoding: 'utf8' })) as [
    string[],
    object,
    string,
  ];
  expect(found.sort(comparePaths)).toEqual(names);
  expect(digests).toEqual(Object.fromEntries(hashes));
  expect(name).toBe(header.directory.name);
});

it('every text comes back from its TOML string, which stands on one line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, rest) => {
      const written = tomlString(text);
      expect(written).not.toMatch(/\n/);
      expect(readTomlString(`= ${written}${rest}`, 2)).toEqual({ text, end: 2 + written.length });
    }),
  );
});

it('times keep their nanoseconds, also before 1970', () => {
  expect(tomlTime(1_700_000_000_123_456_789n)).toBe('2023-11-14T22:13:20.123456789Z');
  expect(tomlTime(-1n)).toBe('1969-12-31T23:59:59.999999999Z');
  fc.assert(
    fc.property(fc.bigInt({ min: -62_000_000_000_000_000_000n, max: 253_000_000_000_000_000_000n }), (ns) => {
      expect(readTomlTime(tomlTime(ns))).toBe(ns);
    }),
  );
  expect(tomlTime(10n ** 30n)).toBe('9999-12-31T23:59:59.999999999Z');
});

it('a report that was tampered with is refused, with the line', async () => {
  const dir = scratchDir();
  const file = await written(['a', 'b'].map(fileEntry), dir);
  const text = readFileSync(file, 'utf8');
  const edits: readonly (readonly [string, string, RegExp])[] = [
    ['[files."a"]', '[files."../a"]', /line \d+: expected a path/],
    ['[files."a"]', '[files."/a"]', /expected a path/],
    ['[files."a"]', '[files."c"]', /out of order/],
    ['[files."a"]', '[files."b"]', /comes twice/],
    ['[files."a"]', '[folders."a"]', /unknown kind/],
    ['size = ', 'size = -', /'size' is missing or wrong/],
    ['size = ', 'size = 1\nsize = ', /not in the form/],
    ['hashes.blake3 = "ab', 'hashes.blake3 = "AB', /blake3 is not a digest/],
    ['hashes.blake3 = "ab', 'hashes.blake3 = "', /blake3 is not a digest/],
    ['hashes.blake3 = ', 'hashes.blake4 = ', /not the digests that the header announces/],
    ['schema_version = 1', 'schema_version = 2', /schema_version 2 is not known/],
    ['[hashes]', '[hashed]', /expected \[hashes\]/],
    ['symlinks = "record"', 'symlinks = "eat"', /'symlinks' is missing or wrong/],
    ['modified = 2023', 'modified = 2023-', /'modified' is missing or wrong/],
  ];
  for (const [from, to, message] of edits) {
    writeFileSync(file, text.replace(from, to));
    await expect(readBack(file)).rejects.toEqual(
      expect.objectContaining({ code: 'ERR_INTEGRITY', message: expect.stringMatching(message) as unknown }),
    );
  }
  writeFileSync(file, text.slice(0, -1));
  await expect(readBack(file)).rejects.toHaveProperty('code', 'ERR_INTEGRITY');
  writeFileSync(file, Buffer.concat([Buffer.from(text), Buffer.from([0xff, 0x0a])]));
  await expect(readBack(file)).rejects.toHaveProperty('code', 'ERR_INTEGRITY');
});

it('any text at all is either a report or an integrity error', async () => {
  const file = path.join(scratchDir(), 'x.toml');
  const text = readFileSync(await written([fileEntry('a')]), 'utf8');
  await fc.assert(
    fc.asyncProperty(fc.nat(text.length), fc.nat(40), fc.string({ maxLength: 10 }), async (at, removed, added) => {
      writeFileSync(file, text.slice(0, at) + added + text.slice(at + removed));
      const outcome = await readBack(file).then(
        () => 'read',
        (error: { code?: string }) => error.code,
      );
      expect(['read', 'ERR_INTEGRITY']).toContain(outcome);
    }),
    { numRuns: 200 },
  );
});
