import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LAYOUTS, checkedLayout, layoutPath, parseCrateFileName, parseLayoutPath } from '../../dist/index.js';

const NAME_CHARACTERS = [...'abcXYZ0123456789_-'];
const anyName = fc.string({ unit: fc.constantFrom(...NAME_CHARACTERS), minLength: 1, maxLength: 64 });
const anyVersion = fc
  .tuple(
    fc.nat(),
    fc.nat(),
    fc.nat(),
    fc.constantFrom('', '-rc.1', '-rc-1', '-0', '-a--b'),
    fc.constantFrom('', '+1.08', '+a-b'),
  )
  .map(([major, minor, patch, pre, build]) => `${major}.${minor}.${patch}${pre}${build}`);

describe('the shard layout', () => {
  it.each([
    ['a', '1.0.0', 'a/a-1.0.0.crate'],
    ['ab', '1.0.0', 'ab/ab-1.0.0.crate'],
    ['url', '2.5.4', 'url/url-2.5.4.crate'],
    ['a-b', '1.0.0', 'a-b/a-b-1.0.0.crate'],
    ['serde', '1.0.147', 's/er/serde-1.0.147.crate'],
    ['Inflector', '0.11.4', 'I/nf/Inflector-0.11.4.crate'],
    ['a-bc', '1.0.0', 'a-/bc/a-bc-1.0.0.crate'],
    ['a-bcd', '1.0.0', 'a-/bc/a-bcd-1.0.0.crate'],
    ['a_bcd', '1.0.0', 'a/_b/a_bcd-1.0.0.crate'],
    ['--ab', '1.0.0', '--/ab/--ab-1.0.0.crate'],
    ['1serde', '1.0.0', '1/se/1serde-1.0.0.crate'],
    ['1-bc', '1.0.0', '1/-b/1-bc-1.0.0.crate'],
    ['2-bc', '1.0.0', '2/-b/2-bc-1.0.0.crate'],
    ['3-bc', '1.0.0', '3/-b/3-bc-1.0.0.crate'],
    ['4-bc', '1.0.0', '4-/bc/4-bc-1.0.0.crate'],
    ['openssl-src', '111.6.0+1.1.1d', 'o/pe/openssl-src-111.6.0+1.1.1d.crate'],
  ])('%s %s lies at %s', (name, vers, expected) => {
    expect(layoutPath('shard', name, vers)).toBe(expected);
  });
});

describe('the cargo layout', () => {
  it.each([
    ['a', '1.0.0', '1/a-1.0.0.crate'],
    ['AB', '1.0.0', '2/AB-1.0.0.crate'],
    ['Url', '2.5.4', '3/u/Url-2.5.4.crate'],
    ['serde', '1.0.147', 'se/rd/serde-1.0.147.crate'],
    ['Inflector', '0.11.4', 'in/fl/Inflector-0.11.4.crate'],
    ['a-bc', '1.0.0', 'a-/bc/a-bc-1.0.0.crate'],
  ])('%s %s lies at %s', (name, vers, expected) => {
    expect(layoutPath('cargo', name, vers)).toBe(expected);
  });
});

describe('every layout', () => {
  it('finds the crate version back from its path', () => {
    fc.assert(
      fc.property(fc.constantFrom(...LAYOUTS), anyName, anyVersion, (layout, name, vers) => {
        expect(parseLayoutPath(layout, layoutPath(layout, name, vers))).toEqual({ name, vers });
      }),
    );
  });

  it('stays inside the output folder', () => {
    fc.assert(
      fc.property(fc.constantFrom(...LAYOUTS), anyName, anyVersion, (layout, name, vers) => {
        const path = layoutPath(layout, name, vers);
        expect(path).toMatch(/^(?:[A-Za-z0-9_-]+\/){1,2}[A-Za-z0-9_.+-]+\.crate$/);
      }),
    );
  });

  it('keeps versions from before leading zeros were forbidden', () => {
    expect(layoutPath('cargo', 'gfx', '0.3.0-alpha.01')).toBe('3/g/gfx-0.3.0-alpha.01.crate');
    expect(parseLayoutPath('cargo', '3/g/gfx-0.3.0-alpha.01.crate')).toEqual({ name: 'gfx', vers: '0.3.0-alpha.01' });
    expect(() => layoutPath('cargo', 'gfx', '0.03.0')).toThrow(expect.objectContaining({ code: 'ERR_INTEGRITY' }));
  });

  it.each(['', '..', '../../etc/x', 'a/b', 'a\\b', '/abs', 'a\0', 'a\n', 'a'.repeat(65), 'é', 'a b', 'a.b'])(
    'refuses the crate name %j',
    (name) => {
      for (const layout of LAYOUTS) {
        expect(() => layoutPath(layout, name, '1.0.0')).toThrow(expect.objectContaining({ code: 'ERR_INTEGRITY' }));
      }
    },
  );

  it.each([
    '',
    '1',
    '1.0',
    '1.0.0/../../x',
    '../1.0.0',
    '01.0.0',
    '1.0.0-',
    '1.0.0+',
    '1.0.0\n',
    `1.0.0-${'a'.repeat(195)}`,
  ])('refuses the version %j', (vers) => {
    for (const layout of LAYOUTS) {
      expect(() => layoutPath(layout, 'serde', vers)).toThrow(expect.objectContaining({ code: 'ERR_INTEGRITY' }));
    }
  });

  it('does not take a file in the wrong folder for a crate version', () => {
    expect(parseLayoutPath('shard', 'se/rd/serde-1.0.0.crate')).toBeUndefined();
    expect(parseLayoutPath('cargo', 's/er/serde-1.0.0.crate')).toBeUndefined();
    expect(parseLayoutPath('cargo', 'serde-1.0.0.crate')).toBeUndefined();
    expect(parseLayoutPath('shard', 's/er/serde-1.0.0.crate.part')).toBeUndefined();
  });
});

describe('a crate file name', () => {
  it.each([
    ['serde-1.0.147.crate', 'serde', '1.0.147'],
    ['foo-2-1.0.0-rc-1.crate', 'foo-2', '1.0.0-rc-1'],
    ['foo-1-2-3.4.5.crate', 'foo-1-2', '3.4.5'],
    ['a-1.0.0-2.0.0.crate', 'a', '1.0.0-2.0.0'],
    ['a--1.0.0.crate', 'a-', '1.0.0'],
    ['x-1.0.0+2.crate.crate', 'x', '1.0.0+2.crate'],
  ])('%s is %s %s', (file, name, vers) => {
    expect(parseCrateFileName(file)).toEqual({ name, vers });
  });

  it.each([
    'serde.crate',
    '-1.0.0.crate',
    '1.0.0.crate',
    'serde-1.0.crate',
    'serde-1.0.0',
    'a.b-1.0.0.crate',
    '.crate',
    '',
  ])('%j is none', (file) => {
    expect(parseCrateFileName(file)).toBeUndefined();
  });

  it('can be split in one way only', () => {
    fc.assert(
      fc.property(anyName, anyVersion, (name, vers) => {
        expect(parseCrateFileName(`${name}-${vers}.crate`)).toEqual({ name, vers });
      }),
    );
  });
});

it('a layout is known by its name', () => {
  expect(checkedLayout('cargo')).toBe('cargo');
  expect(() => checkedLayout('flat')).toThrow('expected shard or cargo, found "flat"');
});
