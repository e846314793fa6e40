import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { indexPathOf } from '@mirror/core';

/** A line of an index; `more` fields come after the usual ones. */
export function line(name: string, vers: string, more: object = {}): string {
  return JSON.stringify({ name, vers, deps: [], cksum: 'ab'.repeat(32), features: {}, yanked: false, ...more });
}

/** Append lines to the index in `dir`, each to the file of the crate `name`. */
export function addLines(dir: string, name: string, ...lines: readonly string[]): void {
  const file = path.join(dir, indexPathOf(name));
  mkdirSync(path.dirname(file), { recursive: true });
  appendFileSync(file, lines.map((text) => `${text}\n`).join(''));
}

/** Add `crates` crates with `versions` versions each. */
export function addMany(dir: string, crates: number, versions: number): void {
  for (let i = 0; i < crates; i++) {
    const name = `${String.fromCharCode(97 + (i % 26))}${String.fromCharCode(97 + (i % 7))}-crate-${String(i)}`;
    addLines(
      dir,
      name,
      ...Array.from({ length: versions }, (_, v) => line(name, `1.${String(v)}.0`, { links: 'x'.repeat(i % 300) })),
    );
  }
}
