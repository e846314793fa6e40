import { describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { scratchDir } from '@mirror-tools/test-support';
import { parseRemovalLimit, partitionOf } from '@mirror/core';
import { generateSidecars } from '../dist/index.js';
import type { GenerateOptions, GenerateSummary } from '../dist/index.js';
import { addLines, addMany, line } from './small-index.ts';
import { contentsBelow, filesBelow, identitiesBelow } from './tree.ts';

interface Place {
  readonly index: string;
  readonly out: string;
  run(options?: Partial<GenerateOptions>): Promise<GenerateSummary>;
}

function place(): Place {
  const dir = scratchDir();
  const index = path.join(dir, 'index');
  const out = path.join(dir, 'out');
  return { index, out, run: (options) => generateSidecars({ indexDir: index, out, concurrency: 1, ...options }) };
}

/** Replace text in the index file of a crate. */
function edit(index: string, file: string, from: string, to: string): void {
  const text = readFileSync(path.join(index, file), 'utf8');
  if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
  writeFileSync(path.join(index, file), text.replace(from, to));
}

const YANKED = { yanked: true };

describe('generateSidecars', () => {
  it('makes one sidecar for each version that is wanted, whole and without leftovers', async () => {
    const { index, out, run } = place();
    addLines(index, 'serde', line('serde', '1.0.0'), line('serde', '1.0.1', YANKED), line('serde', '2.0.0+x'));
    addLines(index, 'a', line('a', '0.1.0'));
    addLines(index, 'Foo', line('Foo', '0.1.0'));
    expect(await run({ selection: { includeYanked: false } })).toMatchObject({
      result: 'complete',
      left_out: { yanked: 1 },
      crates: 3,
      versions: 5,
      selected: 4,
      written: 4,
      updated: 0,
      unchanged: 0,
    });
    expect(filesBelow(out)).toEqual([
      'Foo/Foo-0.1.0.crate.json',
      'a/a-0.1.0.crate.json',
      's/er/serde-1.0.0.crate.json',
      's/er/serde-2.0.0+x.crate.json',
    ]);
  });

  it('knows the layout of cargo', async () => {
    const { index, out, run } = place();
    addLines(index, 'Serde', line('Serde', '1.0.0'));
    await run({ layout: 'cargo' });
    expect(filesBelow(out)).toEqual(['se/rd/Serde-1.0.0.crate.json']);
  });

  it('makes the same files with any number of threads', async () => {
    const { index, out, run } = place();
    addMany(index, 200, 5);
    await run({ concurrency: 1 });
    const one = contentsBelow(out);
    rmSync(out, { recursive: true });
    await run({ concurrency: 3 });
    expect(Object.keys(one)).toHaveLength(1000);
    expect(contentsBelow(out)).toEqual(one);
  });

  it('writes nothing the second time', async () => {
    const { index, out, run } = place();
    addMany(index, 30, 3);
    await run();
    const before = identitiesBelow(out);
    expect(await run()).toMatchObject({ written: 0, updated: 0, unchanged: 90, bytes: 0 });
    expect(identitiesBelow(out)).toEqual(before);
  });

  it.each([[true], [false]])('a later yank reaches exactly its sidecar (includeYanked: %s)', async (includeYanked) => {
    const { index, out, run } = place();
    addMany(index, 30, 3);
    addLines(index, 'serde', line('serde', '1.0.0'), line('serde', '1.0.1'));
    await run({ selection: { includeYanked } });
    const before = identitiesBelow(out);
    edit(index, 'se/rd/serde', '"yanked":false', '"yanked":true');
    expect(await run({ selection: { includeYanked } })).toMatchObject({ written: 0, updated: 1 });
    const after = identitiesBelow(out);
    const changed = Object.keys(after).filter((file) => after[file] !== before[file]);
    expect(changed).toEqual(['s/er/serde-1.0.0.crate.json']);
    expect(JSON.parse(readFileSync(path.join(out, changed[0] ?? ''), 'utf8'))).toMatchObject({ yanked: true });
  });

  it.each([
    ['of another length', '{}'],
    ['cut off', undefined],
    ['longer', `${line('serde', '1.0.0')}${' '.repeat(10_000)}`],
  ])('a sidecar with other bytes is replaced: %s', async (_, wrong) => {
    const { index, out, run } = place();
    addLines(index, 'serde', line('serde', '1.0.0'));
    await run();
    const file = path.join(out, 's/er/serde-1.0.0.crate.json');
    const right = readFileSync(file, 'utf8');
    writeFileSync(file, wrong ?? right.slice(0, -5));
    expect(await run()).toMatchObject({ updated: 1 });
    expect(readFileSync(file, 'utf8')).toBe(right);
  });

  it('a sidecar with one other byte and the old time is replaced', async () => {
    const { index, out, run } = place();
    addLines(index, 'serde', line('serde', '1.0.0'));
    await run();
    const file = path.join(out, 's/er/serde-1.0.0.crate.json');
    const right = readFileSync(file, 'utf8');
    writeFileSync(file, right.replace('1.0.0', '1.0.1'));
    utimesSync(file, 1, 1);
    expect(await run()).toMatchObject({ updated: 1 });
    expect(readFileSync(file, 'utf8')).toBe(right);
  });

  it('a limit is exact, in index order, and leaves the rest alone', async () => {
    const { index, out, run } = place();
    addMany(index, 50, 4);
    await run();
    const all = filesBelow(out);
    for (const limit of [1, 7, 200, 1000]) {
      rmSync(out, { recursive: true });
      const summary = await run({ selection: { limit } });
      expect(summary).toMatchObject({ selected: Math.min(limit, 200), written: Math.min(limit, 200) });
      expect(filesBelow(out)).toHaveLength(Math.min(limit, all.length));
    }
  });

  it('parts are disjoint and make the whole', async () => {
    const { index, out, run } = place();
    addMany(index, 60, 2);
    const seen: string[] = [];
    for (const part of [1, 2, 3]) {
      await run({ selection: { partition: { index: part, count: 3 } } });
      for (const file of filesBelow(out)) {
        const { name } = JSON.parse(readFileSync(path.join(out, file), 'utf8')) as { name: string };
        expect(partitionOf(name, 3)).toBe(part);
        seen.push(file);
      }
      rmSync(out, { recursive: true });
    }
    await run();
    expect(seen.sort()).toEqual(filesBelow(out));
  });

  it('patterns choose crates, and only those are read', async () => {
    const { index, out, run } = place();
    addLines(index, 'serde', line('serde', '1.0.0'), line('serde', '2.0.0'));
    addLines(index, 'serde_json', line('serde_json', '1.0.0'));
    addLines(index, 'rand', 'this is no JSON');
    expect(await run({ selection: { crates: ['serde@^2', 'absent'] } })).toMatchObject({
      result: 'incomplete',
      unmatched: 1,
      written: 1,
    });
    expect(filesBelow(out)).toEqual(['s/er/serde-2.0.0.crate.json']);
  });

  it('the newest of each crate are chosen among all its versions', async () => {
    const { index, out, run } = place();
    addLines(index, 'serde', line('serde', '2.0.0'), line('serde', '1.0.0'), line('serde', '10.0.0'));
    await run({ selection: { latest: 1 } });
    expect(filesBelow(out)).toEqual(['s/er/serde-10.0.0.crate.json']);
  });

  it('a version that a later line repeats has one sidecar, of the later line', async () => {
    const { index, out, run } = place();
    addLines(index, 'serde', line('serde', '1.0.0', { v: 1 }), line('serde', '1.0.0', { v: 2 }));
    expect(await run()).toMatchObject({ result: 'complete', versions: 1, written: 1, repeated: 1 });
    expect(JSON.parse(readFileSync(path.join(out, 's/er/serde-1.0.0.crate.json'), 'utf8'))).toMatchObject({ v: 2 });
  });

  it('a malformed line is told with file and number, counted, and the rest is written', async () => {
    const { index, out, run } = place();
    addLines(index, 'serde', line('serde', '1.0.0'), '{"name":"serde"', line('serde', '1.0.1'));
    addLines(index, 'rand', line('rand', '../../../evil'), line('../evil', '1.0.0'), line('other', '1.0.0'));
    const warnings: object[] = [];
    const log = {
      debug: () => undefined,
      info: () => undefined,
      error: () => undefined,
      warn: (_: string, fields = {}) => void warnings.push(fields),
    };
    expect(await run({ log })).toMatchObject({ result: 'incomplete', malformed: 4, written: 2 });
    expect(warnings.map((fields) => (fields as { message: string }).message.split(': ')[0])).toEqual([
      'ra/nd/rand:1',
      'ra/nd/rand:2',
      'ra/nd/rand:3',
      'se/rd/serde:2',
    ]);
    expect(filesBelow(path.dirname(out)).filter((file) => file.includes('evil'))).toEqual([]);
  });

  it('a line that is nested too deep is malformed', async () => {
    const { index, run } = place();
    addLines(
      index,
      'x',
      line('x', '1.0.0', { d: 0 }).replace('"d":0', `"d":${'['.repeat(200)}${']'.repeat(200)}`),
      line('x', '1.0.1'),
    );
    expect(await run()).toMatchObject({ result: 'incomplete', malformed: 1, written: 1 });
  });

  it('a link in the output is not written through', async () => {
    const { index, out, run } = place();
    addLines(index, 'serde', line('serde', '1.0.0'));
    const elsewhere = path.join(path.dirname(out), 'elsewhere');
    mkdirSync(elsewhere);
    mkdirSync(out);
    symlinkSync(elsewhere, path.join(out, 's'));
    await expect(run()).resolves.toMatchObject({ result: 'incomplete', blocked: 1, written: 0 });
    expect(filesBelow(elsewhere)).toEqual([]);
  });

  it('a link in the place of a sidecar is replaced and not followed', async () => {
    const { index, out, run } = place();
    addLines(index, 'serde', line('serde', '1.0.0'));
    await run();
    const file = path.join(out, 's/er/serde-1.0.0.crate.json');
    const right = readFileSync(file, 'utf8');
    const target = path.join(path.dirname(out), 'target');
    writeFileSync(target, right);
    rmSync(file);
    symlinkSync(target, file);
    writeFileSync(target, 'mine');
    expect(await run()).toMatchObject({ updated: 1 });
    expect(readFileSync(target, 'utf8')).toBe('mine');
    expect(readFileSync(file, 'utf8')).toBe(right);
  });

  it('no index is an error, and so is a directory without one', async () => {
    const { index, run } = place();
    await expect(run()).rejects.toMatchObject({ code: 'ERR_IO' });
    mkdirSync(index);
    await expect(run()).rejects.toMatchObject({ code: 'ERR_CONFIG' });
  });

  it('an address that is none is an error before anything is written', async () => {
    const { index, out, run } = place();
    addLines(index, 'serde', line('serde', '1.0.0'));
    await expect(run({ cratesBaseUrl: 'ftp://x' })).rejects.toMatchObject({ code: 'ERR_CONFIG' });
    expect(filesBelow(out)).toEqual([]);
  });

  it('an abort ends it early and leaves whole files', async () => {
    const { index, out, run } = place();
    addMany(index, 500, 10);
    const controller = new AbortController();
    const summary = await run({
      signal: controller.signal,
      onProgress: () => {
        controller.abort();
      },
    });
    expect(summary.result).toBe('interrupted');
    for (const text of Object.values(contentsBelow(out))) expect(text.endsWith('}\n')).toBe(true);
    expect(filesBelow(out)).toHaveLength(summary.written);
    expect(await run()).toMatchObject({ result: 'complete', unchanged: summary.written });
    expect(filesBelow(out)).toHaveLength(5000);
  });
});

describe('generateSidecars with a list', () => {
  const feed = (...lines: readonly object[]): Readable =>
    Readable.from(lines.map((each) => Buffer.from(`${JSON.stringify(each)}\n`)));

  it('touches only what the list names', async () => {
    const { index, out, run } = place();
    addLines(index, 'serde', line('serde', '1.0.0'), line('serde', '1.0.1'));
    addLines(index, 'rand', line('rand', '1.0.0'));
    const list = feed({ change: 'added', name: 'serde', vers: '1.0.1', cksum: '', url: '', yanked: false });
    expect(await run({ list })).toMatchObject({ result: 'complete', selected: 1, written: 1 });
    expect(filesBelow(out)).toEqual(['s/er/serde-1.0.1.crate.json']);
  });

  it('takes what a version is from the index, not from the list', async () => {
    const { index, out, run } = place();
    addLines(index, 'serde', line('serde', '1.0.0'));
    await run();
    edit(index, 'se/rd/serde', '"yanked":false', '"yanked":true');
    const list = feed({ change: 'unyanked', name: 'serde', vers: '1.0.0', yanked: false });
    expect(await run({ list })).toMatchObject({ updated: 1 });
    expect(JSON.parse(readFileSync(path.join(out, 's/er/serde-1.0.0.crate.json'), 'utf8'))).toMatchObject({
      yanked: true,
    });
  });

  it('takes addresses, and tells lines that are neither', async () => {
    const { index, out, run } = place();
    addLines(index, 'serde', line('serde', '1.0.0+x'));
    const list = Readable.from([
      Buffer.from(
        'https://static.crates.io/crates/serde/serde-1.0.0%2Bx.crate\n# note\n{"name":"../x","vers":"1.0.0"}\n{\n',
      ),
    ]);
    expect(await run({ list })).toMatchObject({ result: 'incomplete', malformed: 2, written: 1 });
    expect(filesBelow(out)).toHaveLength(1);
  });

  it('the limit counts what the list names', async () => {
    const { index, run } = place();
    addMany(index, 1, 9);
    const list = feed({ name: 'aa-crate-0', vers: '1.7.0' }, { name: 'aa-crate-0', vers: '1.8.0' });
    expect(await run({ list, selection: { limit: 1 } })).toMatchObject({ selected: 1, written: 1 });
  });

  it('a removed version loses its sidecar only when that is asked for', async () => {
    const { index, out, run } = place();
    addLines(index, 'serde', line('serde', '1.0.0'), line('serde', '1.0.1'));
    addLines(index, 'rand', line('rand', '1.0.0'));
    await run();
    rmSync(path.join(index, 'ra'), { recursive: true });
    writeFileSync(path.join(index, 'se/rd/serde'), `${line('serde', '1.0.1')}\n`);
    const removed = [
      { change: 'removed', name: 'serde', vers: '1.0.0' },
      { change: 'removed', name: 'rand', vers: '1.0.0' },
    ];
    expect(await run({ list: feed(...removed) })).toMatchObject({ result: 'complete', gone: 2, removed: 0 });
    expect(filesBelow(out)).toHaveLength(3);
    await expect(run({ list: feed(...removed), prune: 'delete' })).rejects.toMatchObject({ code: 'ERR_INTEGRITY' });
    expect(filesBelow(out)).toHaveLength(3);
    const maxRemoved = parseRemovalLimit('off');
    expect(await run({ list: feed(...removed), prune: 'delete', maxRemoved })).toMatchObject({ gone: 2, removed: 2 });
    expect(filesBelow(out)).toEqual(['s/er/serde-1.0.1.crate.json']);
  });
});

describe('generateSidecars with prune', () => {
  const prepare = async (): Promise<Place> => {
    const there = place();
    addLines(there.index, 'serde', line('serde', '1.0.0'), line('serde', '1.0.1', YANKED));
    addLines(there.index, 'rand', line('rand', '1.0.0'));
    addLines(there.index, 'Gone', line('Gone', '1.0.0'));
    await there.run({ selection: { includeYanked: true } });
    rmSync(path.join(there.index, 'go'), { recursive: true });
    return there;
  };

  it('keeps everything by default', async () => {
    const { out, run } = await prepare();
    expect(await run()).toMatchObject({ gone: 0, removed: 0 });
    expect(filesBelow(out)).toHaveLength(4);
  });

  it('deletes what the index does not have, with a record, and nothing else', async () => {
    const { out, run } = await prepare();
    writeFileSync(path.join(out, 's/er/serde-1.0.0.crate'), 'a crate');
    writeFileSync(path.join(out, 's/er/notes.json'), 'notes');
    writeFileSync(path.join(out, 's/er/serde-9.9.9.crate.json.part'), 'half');
    const now = (): Date => new Date('2026-01-02T03:04:05Z');
    expect(await run({ prune: 'delete', now })).toMatchObject({ result: 'complete', gone: 1, removed: 2 });
    expect(filesBelow(out)).toEqual([
      'r/an/rand-1.0.0.crate.json',
      's/er/notes.json',
      's/er/serde-1.0.0.crate',
      's/er/serde-1.0.0.crate.json',
      's/er/serde-1.0.1.crate.json',
    ]);
    expect(readFileSync(path.join(out, '.mirror/sidecar-tombstones.jsonl'), 'utf8')).toBe(
      '{"schema_version":1,"path":"G/on/Gone-1.0.0.crate.json","name":"Gone","vers":"1.0.0","policy":"delete","removed_at":"2026-01-02T03:04:05.000Z"}\n' +
        '{"schema_version":1,"path":"s/er/serde-9.9.9.crate.json.part","name":"serde","vers":"9.9.9","policy":"delete","removed_at":"2026-01-02T03:04:05.000Z"}\n',
    );
  });

  it('moves it aside in quarantine', async () => {
    const { out, run } = await prepare();
    const text = readFileSync(path.join(out, 'G/on/Gone-1.0.0.crate.json'), 'utf8');
    expect(await run({ prune: 'quarantine' })).toMatchObject({ removed: 1 });
    expect(existsSync(path.join(out, 'G/on/Gone-1.0.0.crate.json'))).toBe(false);
    expect(readFileSync(path.join(out, '.mirror/sidecar-quarantine/G/on/Gone-1.0.0.crate.json'), 'utf8')).toBe(text);
  });

  it('leaves alone what the selection is not about', async () => {
    const { run } = await prepare();
    expect(await run({ prune: 'delete', selection: { crates: ['serde'] } })).toMatchObject({ removed: 0 });
    expect(await run({ prune: 'delete', selection: { exclude: ['go*'] } })).toMatchObject({ removed: 0 });
    const other = (partitionOf('gone', 2) % 2) + 1;
    expect(await run({ prune: 'delete', selection: { partition: { index: other, count: 2 } } })).toMatchObject({
      removed: 0,
    });
    expect(await run({ prune: 'delete', selection: { crates: ['gone'] } })).toMatchObject({ removed: 1 });
  });

  it('leaves alone the crate of a malformed line, which may be the missing one', async () => {
    const { index, run } = await prepare();
    edit(index, 'ra/nd/rand', '"vers":"1.0.0"', '"vers":1');
    expect(await run({ prune: 'delete' })).toMatchObject({ malformed: 1, gone: 1, removed: 1 });
  });

  it('does not go with a limit, nor with bundles', async () => {
    const { run } = await prepare();
    await expect(run({ prune: 'delete', selection: { limit: 1 } })).rejects.toMatchObject({ code: 'ERR_USAGE' });
    await expect(run({ prune: 'delete', format: 'tar.zst' })).rejects.toMatchObject({ code: 'ERR_USAGE' });
  });
});
