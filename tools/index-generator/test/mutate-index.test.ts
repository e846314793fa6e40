import { describe, expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { generateIndex, mutateIndex } from '../dist/index.js';
import type { IndexChange } from '../dist/index.js';

interface Line {
  readonly name: string;
  readonly vers: string;
  readonly cksum: string;
  readonly yanked: boolean;
}

/** Every line of an index by name and version. */
function linesOf(dir: string): Map<string, string> {
  const lines = new Map<string, string>();
  for (const file of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
    const full = path.join(dir, file);
    if (/^(config\.json|README\.md|\.github)/.test(file) || !statSync(full).isFile()) continue;
    const text = readFileSync(full, 'utf8');
    if (!text.endsWith('\n')) throw new Error(`${file}: empty, or without a last line end`);
    for (const raw of text.split('\n').slice(0, -1)) {
      const { name, vers } = JSON.parse(raw) as Line;
      lines.set(`${name} ${vers}`, raw);
    }
  }
  return lines;
}

/** The changes that a comparison of two states finds, without order. */
function compare(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): IndexChange[] {
  const changes: IndexChange[] = [];
  const tell = (change: IndexChange['change'], raw: string): void => {
    const { name, vers, cksum, yanked } = JSON.parse(raw) as Line;
    changes.push({ change, name, vers, cksum, yanked });
  };
  for (const [key, raw] of before) if (!after.has(key)) tell('removed', raw);
  for (const [key, raw] of after) {
    const old = before.get(key);
    if (old === raw) continue;
    if (old === undefined) {
      tell('added', raw);
      continue;
    }
    const [was, is] = [JSON.parse(old) as Line, JSON.parse(raw) as Line];
    if (was.cksum !== is.cksum) tell('replaced', raw);
    else if (was.yanked !== is.yanked) tell(is.yanked ? 'yanked' : 'unyanked', raw);
    else tell('updated', raw);
  }
  return changes;
}

function sorted(changes: readonly IndexChange[]): string[] {
  return changes.map((change) => JSON.stringify(change)).sort();
}

describe('mutateIndex', () => {
  it('the changes it tells are those that a comparison finds, and each kind occurs', () => {
    const dir = scratchDir();
    generateIndex({ out: dir, crates: 400 });
    const before = linesOf(dir);
    const changes = mutateIndex({ dir, changes: 300 });
    expect(changes).toHaveLength(300);
    expect(sorted(changes)).toEqual(sorted(compare(before, linesOf(dir))));
    expect(new Set(changes.map(({ change }) => change))).toEqual(
      new Set(['added', 'yanked', 'unyanked', 'removed', 'replaced', 'updated']),
    );
    expect(new Set(changes.map(({ name, vers }) => `${name} ${vers}`)).size).toBe(300);
  });

  it('the same index and seed change alike, another seed otherwise', () => {
    const dir = scratchDir();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => path.join(dir, name)) as [string, string, string];
    generateIndex({ out: a, crates: 100 });
    cpSync(a, b, { recursive: true });
    cpSync(a, c, { recursive: true });
    const changes = mutateIndex({ dir: a, changes: 60, seed: 'x' });
    expect(mutateIndex({ dir: b, changes: 60, seed: 'x' })).toEqual(changes);
    expect(linesOf(b)).toEqual(linesOf(a));
    expect(mutateIndex({ dir: c, changes: 60, seed: 'y' })).not.toEqual(changes);
  });

  it('several days follow each other', () => {
    const dir = scratchDir();
    generateIndex({ out: dir, crates: 60 });
    for (const seed of ['monday', 'tuesday', 'wednesday']) {
      const before = linesOf(dir);
      const changes = mutateIndex({ dir, changes: 50, seed });
      expect(sorted(changes)).toEqual(sorted(compare(before, linesOf(dir))));
    }
  });
});
