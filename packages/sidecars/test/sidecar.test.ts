import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { itWith } from '@mirror-tools/test-support';
import { indexPathOf } from '@mirror/core';
import { createSidecarFormat, parseSidecarPath, sidecarPath } from '../dist/index.js';
import { line } from './small-index.ts';

const CRATES = 'https://static.crates.io/crates';

function format(text: string, cratesBaseUrl = CRATES): string {
  const { name, vers, cksum } = JSON.parse(text) as { name: string; vers: string; cksum: string };
  const entry = { name, vers, cksum, indexPath: indexPathOf(name), line: 7, text };
  return Buffer.from(createSidecarFormat({ cratesBaseUrl })(entry)).toString('utf8');
}

const DEPS = [
  {
    name: 'libc',
    req: '^0.2',
    features: ['std'],
    optional: false,
    default_features: true,
    target: null,
    kind: 'normal',
  },
];
const LINES = [
  line('serde', '1.0.147'),
  line('zstd-sys', '2.0.1+zstd.1.5.2', { deps: DEPS, links: 'zstd', rust_version: '1.60' }),
  line('Inflector', '0.1.0', {
    yanked: true,
    features: { default: ['std', 'dep:libc'], std: [] },
    v: 2,
    features2: {},
  }),
  line('a', '0.0.1-alpha.1', {
    pubtime: '2025-11-06T12:00:00Z',
    unknown: { deeply: [[], [{}], { x: [1.5, -2, true, null] }] },
  }),
  line('url', '2.5.4', { text: 'quotes " and \\ and \n and żółć and 💾' }),
];

describe('a sidecar', () => {
  itWith(['jq'], 'is what jq makes of the line and the three fields', () => {
    const program = `. + {
      crate_file: "\\(.name)-\\(.vers).crate",
      crate_url: "${CRATES}/\\(.name)/\\(.name)-\\(.vers | gsub("\\\\+"; "%2B")).crate",
      index_path: $path }`;
    for (const text of LINES) {
      const { name } = JSON.parse(text) as { name: string };
      const args = ['--indent', '2', '--arg', 'path', indexPathOf(name), program];
      expect(format(text)).toBe(execFileSync('jq', args, { input: text, encoding: 'utf8' }));
    }
  });

  it('has the fields of the line, then its own, and a newline', () => {
    expect(format(line('a-b', '1.0.0+x', { v: 2 }))).toBe(
      [
        '{\n  "name": "a-b",\n  "vers": "1.0.0+x",\n  "deps": [],',
        `  "cksum": "${'ab'.repeat(32)}",\n  "features": {},\n  "yanked": false,\n  "v": 2,`,
        '  "crate_file": "a-b-1.0.0+x.crate",',
        '  "crate_url": "https://static.crates.io/crates/a-b/a-b-1.0.0%2Bx.crate",',
        '  "index_path": "3/a/a-b"\n}\n',
      ].join('\n'),
    );
  });

  it('keeps large numbers and escapes to the letter', () => {
    const text = line('x', '1.0.0').replace(/}$/, ',"big":12345678901234567890,"e":1e400,"esc":"\\u0061\\/"}');
    const json = format(text);
    expect(json).toContain('"big": 12345678901234567890,\n');
    expect(json).toContain('"e": 1e400,\n');
    expect(json).toContain('"esc": "\\u0061\\/"');
  });

  it('says itself where the crate file is, whatever the line says', () => {
    const text = line('x', '1.0.0', {
      crate_url: 'https://evil.example/',
      index_path: '../../etc',
      crate_file: 1,
      more: 2,
    });
    const json = format(text);
    expect(json.match(/"crate_url"/g)).toHaveLength(1);
    expect(Object.entries(JSON.parse(json) as object).slice(-4)).toEqual([
      ['more', 2],
      ['crate_file', 'x-1.0.0.crate'],
      ['crate_url', `${CRATES}/x/x-1.0.0.crate`],
      ['index_path', '1/x'],
    ]);
  });

  it('takes its address from a template', () => {
    const json = format(line('Serde', '1.0.0'), 'https://m.example/ü/{lowerprefix}/{crate}/{version}?"x"');
    expect((JSON.parse(json) as { crate_url: string }).crate_url).toBe('https://m.example/ü/se/rd/Serde/1.0.0?"x"');
  });

  it('can be much longer than the one before', () => {
    const make = createSidecarFormat({ cratesBaseUrl: CRATES });
    for (const length of [1, 10_000, 100, 1_000_000, 5]) {
      const text = line('x', '1.0.0', { s: 'é'.repeat(length), a: Array.from({ length }, () => 0) });
      const bytes = make({ name: 'x', vers: '1.0.0', cksum: '', indexPath: '1/x', line: 1, text });
      expect(JSON.parse(Buffer.from(bytes).toString())).toMatchObject(JSON.parse(text) as object);
    }
  });

  it('is refused with file and line when the line is nested too deep', () => {
    const text = line('x', '1.0.0', { d: 0 }).replace('"d":0', `"d":${'['.repeat(200)}${']'.repeat(200)}`);
    expect(() => format(text)).toThrow(/^1\/x:7: expected at most 127 levels of nesting/);
  });
});

describe('the path of a sidecar', () => {
  it('is that of the crate file and an ending', () => {
    expect(sidecarPath('shard', 'serde', '1.0.0+x')).toBe('s/er/serde-1.0.0+x.crate.json');
    expect(sidecarPath('cargo', 'Serde', '1.0.0')).toBe('se/rd/Serde-1.0.0.crate.json');
  });

  it('tells the version, and no other path does', () => {
    expect(parseSidecarPath('shard', 's/er/serde-1.0.0.crate.json')).toEqual({ name: 'serde', vers: '1.0.0' });
    for (const path of [
      's/er/serde-1.0.0.crate',
      's/xx/serde-1.0.0.crate.json',
      '../serde-1.0.0.crate.json',
      'x.json',
    ]) {
      expect(parseSidecarPath('shard', path)).toBeUndefined();
    }
  });

  it.each([
    ['../../etc/passwd', '1.0.0'],
    ['a/b', '1.0.0'],
    ['a', '1.0.0/../../x'],
    ['a', '1'],
    ['', '1.0.0'],
  ])('is none for the hostile name %s %s', (name, vers) => {
    expect(() => sidecarPath('shard', name, vers)).toThrow(/^crate (?:name|version): expected/);
  });
});
