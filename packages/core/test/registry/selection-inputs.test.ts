import { describe, expect, it } from '@jest/globals';
import { parseCargoLock, parsePartition, parsePublishTime } from '../../dist/index.js';

const GIT = 'registry+https://github.com/rust-lang/crates.io-index';
const cksum = 'ab'.repeat(32);

describe('a Cargo.lock', () => {
  it('of format 1 has its checksums at the end', () => {
    const text = `[[package]]\nname = "app"\nversion = "0.1.0"\n\n[[package]]\nname = "serde"\nversion = "1.0.0"\nsource = "${GIT}"\n\n[metadata]\n"checksum serde 1.0.0 (${GIT})" = "${cksum}"\n`;
    expect(parseCargoLock(text, 'Cargo.lock')).toEqual({
      crates: [{ name: 'serde', vers: '1.0.0', cksum }],
      elsewhere: [],
    });
  });

  it.each(['', 'version = 3\n', 'version = 4\n'])('headed %j has them in its packages', (head) => {
    const text = `${head}[[package]]\nname = "Inflector"\nversion = "0.11.4+x"\nsource = "sparse+https://index.crates.io/"\nchecksum = "${cksum.toUpperCase()}"\ndependencies = ["a"]\n`;
    expect(parseCargoLock(text, 'Cargo.lock').crates).toEqual([{ name: 'Inflector', vers: '0.11.4+x', cksum }]);
  });

  it('names packages that come from elsewhere', () => {
    const text = `version = 4\n[[package]]\nname = "a"\nversion = "1.0.0"\nsource = "git+https://example.com/a#abc"\n`;
    expect(parseCargoLock(text, 'Cargo.lock')).toEqual({
      crates: [],
      elsewhere: ['"a" "1.0.0" ("git+https://example.com/a#abc")'],
    });
  });

  it('without packages asks for nothing', () => {
    expect(parseCargoLock('version = 4\n', 'Cargo.lock')).toEqual({ crates: [], elsewhere: [] });
  });

  it.each([
    ['= no toml', /Cargo\.lock: expected TOML/],
    ['version = 5\n', /format 1 to 4, found version 5/],
    ['package = 1\n', /expected a list of packages/],
    ['package = [1]\n', /expected packages with name and version/],
    [`[[package]]\nname = "../x"\nversion = "1.0.0"\nsource = "${GIT}"\n`, /expected a crate name, found "\.\.\/x"/],
    [`[[package]]\nname = "x"\nversion = "1"\nsource = "${GIT}"\n`, /x: expected a semantic version, found "1"/],
    [
      `[[package]]\nname = "x"\nversion = "1.0.0"\nsource = "${GIT}"\nchecksum = "12"\n`,
      /expected a checksum of 64 hex digits, found "12"/,
    ],
  ])('%j is refused', (text, message) => {
    expect(() => parseCargoLock(text, 'Cargo.lock')).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringMatching(message) }),
    );
  });
});

describe('a partition', () => {
  it('is I/N from 1', () => {
    expect(parsePartition('1/4')).toEqual({ index: 1, count: 4 });
    expect(parsePartition('4/4')).toEqual({ index: 4, count: 4 });
  });

  it.each(['0/4', '5/4', '1', '1/0', '-1/4', '1/4/2', 'a/b', '', '1/9999999999999999'])('is not %j', (text) => {
    expect(() => parsePartition(text)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }));
  });
});

describe('a publish time', () => {
  const now = Date.parse('2026-01-08T12:00:00Z');

  it.each([
    ['7d', '2026-01-01T12:00:00Z'],
    ['1.5h', '2026-01-08T10:30:00Z'],
    ['2w', '2025-12-25T12:00:00Z'],
    ['90s', '2026-01-08T11:58:30Z'],
    ['30m', '2026-01-08T11:30:00Z'],
    ['2025-02-10', '2025-02-10T00:00:00Z'],
    ['2025-02-10T01:02:03Z', '2025-02-10T01:02:03Z'],
    ['2025-02-10t01:02:03.5+01:00', '2025-02-10T00:02:03.5Z'],
  ])('%s is %s', (text, expected) => {
    expect(parsePublishTime(text, now)).toBe(Date.parse(expected));
  });

  it.each(['', '7', 'd', '7 days', '-7d', '2025', '2025-13-01', '2025-02-29', '2025-02-10T01:02:03', 'yesterday'])(
    '%j is none',
    (text) => {
      expect(() => parsePublishTime(text, now)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }));
    },
  );
});
