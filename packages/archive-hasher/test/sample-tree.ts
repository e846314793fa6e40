import { expect } from '@jest/globals';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { hashArchive, verifyArchive } from '../dist/index.js';
import type { Difference, HashArchiveOptions, VerifyArchiveOptions } from '../dist/index.js';

export const date = new Date('2026-01-31T12:00:00Z');

/** A directory `tree` with these files in `dir`. */
export function sampleTree(dir: string, names: readonly string[] = ['a/1', 'a/2', 'b/1', 'c', 'd"\n\\/é']): string {
  const tree = path.join(dir, 'tree');
  for (const name of names) {
    mkdirSync(path.join(tree, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(tree, name), `content of ${name}`);
    utimesSync(path.join(tree, name), 1_700_000_000, 1_700_000_000);
  }
  return tree;
}

/** Its report, made anew, without a signature or an archive. */
export async function hashed(tree: string, options: Partial<HashArchiveOptions> = {}): Promise<string> {
  const result = await hashArchive({
    dir: tree,
    outDir: path.join(path.dirname(tree), 'out'),
    archive: 'none',
    date,
    workers: 1,
    replace: true,
    ...options,
  });
  return result.outputs.report;
}

/** What is not as the report says. */
export async function verified(
  report: string,
  dir: string,
  options: Partial<VerifyArchiveOptions> = {},
): Promise<Difference[]> {
  const found: Difference[] = [];
  const result = await verifyArchive({
    report,
    dir,
    allowUnsigned: true,
    workers: 1,
    onDifference: (each) => void found.push(each),
    ...options,
  });
  expect(Object.values(result.differences).reduce((sum, count) => sum + count, 0)).toBe(found.length);
  return found;
}
