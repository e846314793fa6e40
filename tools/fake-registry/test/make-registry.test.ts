import { describe, expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { makeRegistry, writeRegistry } from '../dist/index.js';
import type { MadeCrate, MakeOptions } from '../dist/index.js';

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function digestOf(options: MakeOptions): string {
  const hash = createHash('sha256');
  for (const crate of makeRegistry(options)) {
    hash.update(crate.indexText);
    for (const file of crate.files) hash.update(file);
  }
  return hash.digest('hex');
}

interface Line {
  readonly name: string;
  readonly vers: string;
  readonly cksum: string;
  readonly yanked: boolean;
  readonly [field: string]: unknown;
}

function linesOf(crate: MadeCrate): Line[] {
  return crate.indexText
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

describe('makeRegistry', () => {
  it('the same seed gives the same bytes, another seed others', () => {
    expect(digestOf({ seed: 5, crates: 80 })).toBe(digestOf({ seed: '5', crates: 80 }));
    expect(digestOf({ seed: 5, crates: 80 })).not.toBe(digestOf({ seed: 6, crates: 80 }));
  });

  it('a larger registry begins with the smaller one', () => {
    const small = [...makeRegistry({ crates: 40 })].map((crate) => crate.indexText);
    const large = [...makeRegistry({ crates: 90 })].map((crate) => crate.indexText);
    expect(large).toHaveLength(90);
    expect(large.slice(0, 40)).toEqual(small);
  });

  it('makes exactly as many versions as asked for', () => {
    const crates = [...makeRegistry({ versions: 333 })];
    expect(crates.flatMap((crate) => crate.versions)).toHaveLength(333);
    expect(crates.flatMap(linesOf)).toHaveLength(333);
  });

  it('cksum is the SHA-256 of the file, and no name or version comes twice', () => {
    const seen: string[] = [];
    for (const crate of makeRegistry({ crates: 120, oddNames: true })) {
      const lines = linesOf(crate);
      expect(lines.map((line) => line.cksum)).toEqual(crate.files.map(sha256));
      expect(lines.map((line) => [line.name, line.vers, line.yanked])).toEqual(
        crate.versions.map((v) => [v.name, v.vers, v.yanked]),
      );
      for (const line of lines) seen.push(`${line.name.toLowerCase().replaceAll('-', '_')} ${line.vers}`);
    }
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('fields come in the order of crates.io', () => {
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
    for (const line of [...makeRegistry({ crates: 200 })].flatMap(linesOf)) {
      const known = Object.keys(line).filter((key) => order.includes(key));
      expect(known).toEqual(order.filter((key) => key in line));
    }
  });

  it('every feature of real index lines occurs', () => {
    const lines = [...makeRegistry({ crates: 200 })].flatMap(linesOf);
    const names = lines.map((line) => line.name);
    const deps = lines.flatMap(
      (line) => line['deps'] as { kind: string; optional: boolean; target: string | null; package?: string }[],
    );
    const withField = (field: string): number => lines.filter((line) => field in line).length;
    for (const field of ['features2', 'v', 'links', 'rust_version', 'pubtime', 'x-note'])
      expect(withField(field)).toBeGreaterThan(0);
    expect(withField('pubtime')).toBeLessThan(lines.length);
    expect(lines.filter((line) => line['v'] === 2).length).toBe(withField('features2'));
    expect(lines.some((line) => line.yanked)).toBe(true);
    expect(lines.some((line) => line.vers.includes('+'))).toBe(true);
    expect(lines.some((line) => line.vers.includes('-'))).toBe(true);
    expect(Math.max(...lines.map((line) => line.vers.length))).toBe(147);
    expect([1, 2, 3, 64].map((length) => names.some((name) => name.length === length))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(names.some((name) => /[A-Z]/.test(name)) && names.some((name) => name.includes('_'))).toBe(true);
    expect(new Set(deps.map((dep) => dep.kind))).toEqual(new Set(['normal', 'dev', 'build']));
    expect(deps.some((dep) => dep.optional) && deps.some((dep) => dep.target) && deps.some((dep) => dep.package)).toBe(
      true,
    );
    const plus = lines.filter((line) => line.name === 'plus-versions').map((line) => line.vers.split('+')[0]);
    expect(new Set(plus).size).toBeLessThan(plus.length);
  });

  it('shares are those of the real index', () => {
    const versions = [...makeRegistry({ versions: 3_000, sizes: 400 })].flatMap(linesOf);
    const share = (test: (line: Line) => boolean): number => versions.filter(test).length / versions.length;
    expect(share((line) => line.yanked)).toBeCloseTo(0.054, 1);
    expect(share((line) => line['v'] === 2)).toBeCloseTo(0.07, 1);
  });

  it('sizes come as asked: a number, or real ones', () => {
    const files = (options: MakeOptions): number[] =>
      [...makeRegistry(options)].flatMap((crate) => crate.versions.map((v) => v.size));
    for (const size of files({ crates: 40, sizes: 200_000 })) expect(Math.abs(size - 200_000)).toBeLessThan(400);
    const real = files({ versions: 300, sizes: 'real' }).sort((a, b) => a - b);
    expect(real[150]).toBeGreaterThan(8_000);
    expect(real[150]).toBeLessThan(25_000);
    expect(real.at(-1)).toBeLessThanOrEqual(10 * 1024 * 1024);
  });

  itWith(['tar', 'gzip'], 'files are gzipped tars that gzip and tar accept', () => {
    const dir = scratchDir();
    writeRegistry(dir, { crates: 16, sizes: 150_000 });
    for (const name of readdirSync(path.join(dir, 'crates'))) {
      for (const file of readdirSync(path.join(dir, 'crates', name))) {
        const full = path.join(dir, 'crates', name, file);
        execFileSync('gzip', ['-t', full]);
        const names = execFileSync('tar', ['-tzf', full], { encoding: 'utf8' }).trim().split('\n');
        const folder = file.slice(0, -'.crate'.length);
        expect(names).toEqual(
          expect.arrayContaining([`${folder}/Cargo.toml`, `${folder}/src/lib.rs`, `${folder}/data.bin`]),
        );
        expect(gunzipSync(readFileSync(full)).length % 512).toBe(0);
      }
    }
  });
});

describe('writeRegistry', () => {
  it('writes the index layout, the files and what they are', () => {
    const dir = scratchDir();
    const summary = writeRegistry(dir, { crates: 50 });
    for (const file of ['1/a', '1/s', '2/ab', '2/cd', '3/a/abc', '3/q/q_z', 'up/pe/upper_case-name', 'config.json']) {
      expect(existsSync(path.join(dir, 'index', file))).toBe(true);
    }
    const listed = readFileSync(path.join(dir, 'versions.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(listed).toHaveLength(summary.versions);
    let bytes = 0;
    for (const version of listed) {
      const file = path.join(dir, 'crates', version.name, `${version.name}-${version.vers}.crate`);
      bytes += statSync(file).size;
      expect(sha256(readFileSync(file))).toBe(version.cksum);
    }
    expect(bytes).toBe(summary.bytes);
    expect(summary.yanked).toBe(listed.filter((version) => version.yanked).length);
  });

  it('a finished folder is kept, another one is refused', () => {
    const dir = scratchDir();
    const first = writeRegistry(dir, { crates: 10 });
    const time = statSync(path.join(dir, 'versions.jsonl')).mtimeMs;
    expect(writeRegistry(dir, { crates: 10 })).toEqual(first);
    expect(statSync(path.join(dir, 'versions.jsonl')).mtimeMs).toBe(time);
    expect(() => writeRegistry(dir, { crates: 11 })).toThrow('holds a registry made with');
    expect(() => writeRegistry(path.join(dir, 'index'), { crates: 11 })).toThrow('expected an empty folder');
  });
});
