import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import semver from 'semver';
import {
  compareVersions,
  cratePrefix,
  indexPathOf,
  isCrateVersion,
  isIndexPath,
  parseVersion,
} from '../../dist/index.js';

const identifier = fc.string({ unit: fc.constantFrom(...'019aZ-'), minLength: 1, maxLength: 4 });
const anyText = fc
  .tuple(
    fc.array(identifier, { minLength: 2, maxLength: 4 }),
    fc.array(identifier, { maxLength: 3 }),
    fc.array(identifier, { maxLength: 3 }),
  )
  .map(
    ([numbers, pre, build]) =>
      numbers.join('.') + (pre.length > 0 ? `-${pre.join('.')}` : '') + (build.length > 0 ? `+${build.join('.')}` : ''),
  );
const number = fc.nat({ max: 12 }).map(String);
const anyVersion = fc
  .tuple(number, number, number, fc.array(identifier, { maxLength: 3 }), fc.array(identifier, { maxLength: 2 }))
  .map(
    ([a, b, c, pre, build]) =>
      `${a}.${b}.${c}` + (pre.length > 0 ? `-${pre.join('.')}` : '') + (build.length > 0 ? `+${build.join('.')}` : ''),
  )
  .filter(isCrateVersion);

function compare(a: string, b: string): number {
  const [x, y] = [parseVersion(a), parseVersion(b)];
  if (x === undefined || y === undefined) throw new Error(`${a} or ${b} is no version`);
  return Math.sign(compareVersions(x, y));
}

/** `1.0.0-rc.01` as it is written today: the package refuses numbers with leading zeros, which crates.io has from its first years. */
function today(text: string): string {
  const [, release = '', pre, build = ''] = /^([^-+]*)(-[^+]*)?(.*)$/s.exec(text) ?? [];
  return pre === undefined ? text : release + pre.replace(/(?<=^-|\.)0+(?=\d+(?:\.|$))/g, '') + build;
}

describe('a version', () => {
  it('is what the semver package takes for one, and numbers of the pre-release may have leading zeros', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const parsed = semver.parse(today(text));
        const isExact = parsed !== null && !text.startsWith('v') && !text.startsWith('=');
        expect(isCrateVersion(text)).toBe(isExact);
      }),
      { numRuns: 2000 },
    );
  });

  it('may have numbers that a double cannot hold', () => {
    expect(isCrateVersion('0.0.20180101123456789012')).toBe(true);
    expect(compare('0.0.20180101123456789012', '0.0.20180101123456789013')).toBe(-1);
    expect(compare('1.0.0-9007199254740993', '1.0.0-9007199254740992')).toBe(1);
  });

  it('has at most 200 characters', () => {
    expect(isCrateVersion(`1.0.0-${'a'.repeat(194)}`)).toBe(true);
    expect(isCrateVersion(`1.0.0-${'a'.repeat(195)}`)).toBe(false);
  });
});

describe('the order of versions', () => {
  it('is that of the semver package', () => {
    fc.assert(
      fc.property(anyVersion, anyVersion, (a, b) => {
        const expected = semver.compare(today(a), today(b));
        if (expected === 0) expect(compare(a, b) === 0).toBe(a === b);
        else expect(compare(a, b)).toBe(expected);
      }),
      { numRuns: 5000 },
    );
  });

  it('is the one of the example in Semantic Versioning', () => {
    const ordered = [
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
    ];
    expect(ordered.toReversed().toSorted(compare)).toEqual(ordered);
  });

  it('lets build metadata decide between else equal ones', () => {
    const ordered = ['1.0.0', '1.0.0+1', '1.0.0+01', '1.0.0+2', '1.0.0+10', '1.0.0+a', '1.0.0+a.1', '1.0.0+b'];
    expect(ordered.toReversed().toSorted(compare)).toEqual(ordered);
  });
});

describe('an index path', () => {
  it.each([
    ['a', '1/a'],
    ['AB', '2/ab'],
    ['abc', '3/a/abc'],
    ['Inflector', 'in/fl/inflector'],
    ['a-b_c', 'a-/b_/a-b_c'],
  ])('of %s is %s', (name, expected) => {
    expect(indexPathOf(name)).toBe(expected);
    expect(isIndexPath(expected)).toBe(true);
  });

  it.each([
    '',
    'a',
    '1/ab',
    '2/a',
    '3/b/abc',
    'in/fl/Inflector',
    'se/rd/serde/',
    '/se/rd/serde',
    'se\\rd\\serde',
    'config.json',
    'se/rd/.keep',
    '../se/rd/serde',
  ])('%j is none', (path) => {
    expect(isIndexPath(path)).toBe(false);
  });

  it('prefix keeps the case', () => {
    expect(cratePrefix('Inflector')).toBe('In/fl');
  });
});
