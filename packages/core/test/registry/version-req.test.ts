import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import semver from 'semver';
import { parseVersion, parseVersionReq } from '../../dist/index.js';

function meets(req: string, version: string): boolean {
  const parts = parseVersion(version);
  if (parts === undefined) throw new Error(`${version} is no version`);
  return parseVersionReq(req)(parts);
}

describe('a version requirement', () => {
  // The tables of the Cargo book, "Specifying Dependencies".
  it.each([
    ['1.2.3', ['1.2.3', '1.2.4', '1.9.0'], ['1.2.2', '2.0.0', '1.2.3-rc.1', '2.0.0-rc.1']],
    ['1.2', ['1.2.0', '1.9.9'], ['1.1.9', '2.0.0']],
    ['1', ['1.0.0', '1.9.9'], ['0.9.9', '2.0.0']],
    ['0.2.3', ['0.2.3', '0.2.9'], ['0.2.2', '0.3.0']],
    ['0.2', ['0.2.0', '0.2.9'], ['0.1.9', '0.3.0']],
    ['0.0.3', ['0.0.3'], ['0.0.2', '0.0.4']],
    ['0.0', ['0.0.0', '0.0.9'], ['0.1.0']],
    ['0', ['0.0.0', '0.9.9'], ['1.0.0']],
    ['~1.2.3', ['1.2.3', '1.2.9'], ['1.2.2', '1.3.0']],
    ['~1.2', ['1.2.0', '1.2.9'], ['1.3.0']],
    ['~1', ['1.0.0', '1.9.0'], ['2.0.0']],
    ['*', ['0.0.0', '9.9.9'], ['1.0.0-rc.1']],
    ['1.*', ['1.0.0', '1.9.9'], ['2.0.0', '1.0.0-rc.1']],
    ['1.2.*', ['1.2.0', '1.2.9'], ['1.3.0']],
    ['1.*.*', ['1.5.0'], ['2.0.0']],
    ['=1.2.3', ['1.2.3', '1.2.3+build.5'], ['1.2.4', '1.2.3-rc.1']],
    ['=1.2.3+other', ['1.2.3', '1.2.3+build.5'], ['1.2.4']],
    ['=1.2', ['1.2.0', '1.2.9'], ['1.3.0']],
    ['>1.2', ['1.3.0', '2.0.0'], ['1.2.9', '1.3.0-rc.1']],
    ['<=1.2', ['1.2.9', '0.1.0'], ['1.3.0']],
    ['>= 1.2, < 1.5', ['1.2.0', '1.4.9'], ['1.1.0', '1.5.0']],
    ['1.2.3-beta.2', ['1.2.3-beta.2', '1.2.3-rc.1', '1.2.3', '1.3.0'], ['1.2.3-beta.1', '1.2.4-rc.1', '2.0.0']],
    ['>=1.0.0-a, <1.0.0', ['1.0.0-b'], ['1.0.0', '0.9.9']],
    ['0.0.20180101123456789012', ['0.0.20180101123456789012'], ['0.0.20180101123456789013']],
  ])('%s', (req, met, unmet) => {
    expect(met.filter((version) => !meets(req, version))).toEqual([]);
    expect(unmet.filter((version) => meets(req, version))).toEqual([]);
  });

  it.each([
    '',
    ' ',
    'a',
    '1.',
    '.1',
    '1.2.3.4',
    '01',
    '1.02',
    '^^1',
    '=>1',
    '1 2',
    '1 - 2',
    '1 || 2',
    '1, *',
    '*.1',
    '1.*.3',
    '1.2-rc',
    '1+b',
    '1.2.3-',
    'v1',
    '>=',
    '1,',
  ])('%j is none', (req) => {
    expect(() => parseVersionReq(req)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }));
  });

  it('means what the same requirement means to npm, where both have it', () => {
    const number = fc.constantFrom('0', '1', '2', '11');
    const preRelease = fc.constantFrom('', '-0', '-rc.1', '-rc.2', '-a');
    const version = fc
      .tuple(number, number, number, preRelease, fc.constantFrom('', '+b'))
      .map(([a, b, c, pre, build]) => `${a}.${b}.${c}${pre}${build}`);
    const partial = fc.oneof(
      number,
      fc.tuple(number, number).map((parts) => parts.join('.')),
      fc.tuple(number, number, number, preRelease).map(([a, b, c, pre]) => `${a}.${b}.${c}${pre}`),
    );
    const comparator = fc
      .tuple(fc.constantFrom('^', '~', '=', '>', '>=', '<', '<='), partial)
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(comparator, { minLength: 1, maxLength: 3 }), version, (comparators, candidate) => {
        // A requirement such as `<=1` differs for pre-releases: to npm it is `<2.0.0-0`.
        fc.pre(!candidate.includes('-') || comparators.every((text) => text.split('.').length >= 3));
        expect(meets(comparators.join(', '), candidate)).toBe(semver.satisfies(candidate, comparators.join(' ')));
      }),
      { numRuns: 3000 },
    );
  });
});
