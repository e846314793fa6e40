import { describe, expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { EXTREMES, generateIndex } from '../dist/index.js';

interface Line {
  readonly name: string;
  readonly vers: string;
  readonly cksum: string;
  readonly yanked: boolean;
  readonly features2?: object;
  readonly v?: number;
}

function filesOf(dir: string): string[] {
  const all = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((file) =>
    statSync(path.join(dir, file)).isFile(),
  );
  return all.filter((file) => !/^(config\.json|README\.md|\.github)/.test(file)).sort();
}

function textOf(dir: string): string {
  return filesOf(dir)
    .map((file) => readFileSync(path.join(dir, file), 'utf8'))
    .join('');
}

function digestOf(dir: string): string {
  const hash = createHash('sha256');
  for (const file of filesOf(dir)) hash.update(file).update(readFileSync(path.join(dir, file)));
  return hash.digest('hex');
}

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

describe('generateIndex', () => {
  it('its summary is what a slow reader counts', () => {
    const dir = scratchDir();
    const summary = generateIndex({ out: dir, crates: 700, extremes: true });
    const lines = textOf(dir).split('\n').slice(0, -1);
    const parsed = lines.map((line) => JSON.parse(line) as Line);
    const sizes = filesOf(dir).map((file) => statSync(path.join(dir, file)).size);
    const count = (test: (line: Line) => boolean): number => parsed.filter(test).length;
    const perCrate = new Map<string, number>();
    for (const { name } of parsed) perCrate.set(name, (perCrate.get(name) ?? 0) + 1);
    expect(summary).toEqual({
      schema_version: 1,
      seed: '1',
      crates: sizes.length,
      versions: parsed.length,
      yanked: count((line) => line.yanked),
      plus: count((line) => line.vers.includes('+')),
      v2: count((line) => line.v === 2 && line.features2 !== undefined),
      capitals: count((line) => /[A-Z]/.test(line.name)),
      bytes: sizes.reduce((sum, size) => sum + size, 0),
      longest_file: Math.max(...sizes),
      longest_line: Math.max(...lines.map((line) => line.length)),
      most_versions: Math.max(...perCrate.values()),
    });
    expect(summary.crates).toBe(700);
    expect([summary.longest_file, summary.longest_line, summary.most_versions]).toEqual([
      EXTREMES.fileBytes,
      EXTREMES.lineBytes,
      EXTREMES.versions,
    ]);
    expect([
      Math.max(...parsed.map(({ name }) => name.length)),
      Math.max(...parsed.map(({ vers }) => vers.length)),
    ]).toEqual([64, 147]);
  });

  it('each file has the crate its path says, no version twice, every field where crates.io puts it', () => {
    const dir = scratchDir();
    generateIndex({ out: dir, crates: 1_000, seed: 'layout' });
    const order = [
      'name',
      'vers',
      'deps',
      'cksum',
      'features',
      'features2',
      'yanked',
      'links',
      'rust_version',
      'pubtime',
      'v',
    ];
    const canonical = new Set<string>();
    const wrong: unknown[] = [];
    for (const file of filesOf(dir)) {
      const lines = readFileSync(path.join(dir, file), 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Line);
      const name = lines[0]!.name;
      const lower = name.toLowerCase();
      const folder =
        lower.length < 3
          ? `${lower.length}`
          : lower.length === 3
            ? `3/${lower[0]}`
            : `${lower.slice(0, 2)}/${lower.slice(2, 4)}`;
      if (file.split(path.sep).join('/') !== `${folder}/${lower}` || !NAME.test(name)) wrong.push(file);
      if (lines.some((line) => line.name !== name) || new Set(lines.map((line) => line.vers)).size !== lines.length)
        wrong.push(lines);
      wrong.push(...lines.filter((line) => !VERSION.test(line.vers) || !/^[0-9a-f]{64}$/.test(line.cksum)));
      wrong.push(...lines.filter((line) => Object.keys(line).join() !== order.filter((key) => key in line).join()));
      canonical.add(lower.replaceAll('-', '_'));
    }
    expect(wrong).toEqual([]);
    expect(canonical.size).toBe(1_000);
  });

  it('the same seed gives the same bytes, and more crates only add files', () => {
    const dir = scratchDir();
    const make = (name: string, crates: number, seed: string): string => {
      generateIndex({ out: path.join(dir, name), crates, seed });
      return path.join(dir, name);
    };
    const first = make('first', 300, 's');
    expect(digestOf(make('again', 300, 's'))).toBe(digestOf(first));
    expect(digestOf(make('other', 300, 't'))).not.toBe(digestOf(first));
    const larger = make('larger', 400, 's');
    for (const file of filesOf(first))
      expect(readFileSync(path.join(larger, file)).equals(readFileSync(path.join(first, file)))).toBe(true);
  });

  it('its shares are near the real ones', () => {
    const summary = generateIndex({ out: scratchDir(), crates: 2_500, seed: 'shares' });
    expect(summary.versions / summary.crates).toBeGreaterThan(7);
    expect(summary.versions / summary.crates).toBeLessThan(9.5);
    expect(summary.yanked / summary.versions).toBeCloseTo(0.0543, 2);
    expect(summary.plus / summary.versions).toBeCloseTo(0.0106, 2);
    expect(summary.bytes / summary.versions).toBeGreaterThan(1_250);
    expect(summary.bytes / summary.versions).toBeLessThan(1_650);
  });

  it('a folder that is not empty is refused', () => {
    const dir = scratchDir();
    generateIndex({ out: dir, crates: 3 });
    expect(() => generateIndex({ out: dir, crates: 3 })).toThrow('expected an empty folder');
  });
});
