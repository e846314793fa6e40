import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CRATES_IO_BASE_URL, crateUrl, createCrateUrl, parseCrateUrl, withoutCredentials } from '../../dist/index.js';

const cksum = 'ab'.repeat(32);
const crate = { name: 'Inflector', vers: '0.11.4+build.1', cksum };

describe('a crate URL', () => {
  it('is name/name-version.crate below a plain base, with + as %2B', () => {
    const expected = 'https://static.crates.io/crates/Inflector/Inflector-0.11.4%2Bbuild.1.crate';
    expect(crateUrl(CRATES_IO_BASE_URL, crate)).toBe(expected);
    expect(crateUrl(`${CRATES_IO_BASE_URL}//`, crate)).toBe(expected);
  });

  it.each([
    ['https://h/{crate}/{version}/download', 'https://h/Inflector/0.11.4%2Bbuild.1/download'],
    ['http://h:1/{lowerprefix}/{crate}-{version}.crate?k={v}', undefined],
    ['http://h:1/{lowerprefix}/{crate}-{version}.crate?k=1', 'http://h:1/in/fl/Inflector-0.11.4%2Bbuild.1.crate?k=1'],
    ['https://h/{prefix}/{crate}/{version}', 'https://h/In/fl/Inflector/0.11.4%2Bbuild.1'],
    ['https://h/{sha256-checksum}', `https://h/${cksum}`],
    ['https://u:p@h/{crate}{crate}{version}', 'https://h/InflectorInflector0.11.4%2Bbuild.1'],
  ])('from the template %s is %s', (template, expected) => {
    if (expected === undefined) expect(() => crateUrl(template, crate)).toThrow('unknown marker {v}');
    else expect(crateUrl(template, crate)).toBe(expected);
  });

  it.each([
    '',
    'static.crates.io',
    'ftp://h/',
    'file:///x',
    'https://',
    'https:///x',
    'https://h/{crate}',
    'https://{crate}.h/{version}',
    'https://h/?a=1',
    'https://h/#a',
  ])('cannot be made from the base %j', (base) => {
    expect(() => createCrateUrl(base)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }));
  });

  it('error shows neither password nor query', () => {
    expect(() => createCrateUrl('https://me:secret@h/{x}?sig=token')).toThrow(
      'crates base URL "https://h/{x}?…": unknown marker {x}',
    );
  });

  it('is never made of hostile text', () => {
    for (const hostile of [{ name: 'a/b' }, { vers: '1.0.0/../x' }, { cksum: 'x/y' }]) {
      const url = createCrateUrl('https://h/{crate}/{version}/{sha256-checksum}');
      expect(() => url({ ...crate, ...hostile })).toThrow(expect.objectContaining({ code: 'ERR_INTEGRITY' }));
    }
  });
});

describe('a listed URL', () => {
  it('names the crate version, whether + is encoded or not', () => {
    const expected = { name: 'Inflector', vers: '0.11.4+build.1' };
    expect(parseCrateUrl(crateUrl('https://h/x', crate))).toEqual(expected);
    expect(parseCrateUrl('http://h/Inflector/Inflector-0.11.4+build.1.crate')).toEqual(expected);
  });

  it.each([
    'https://h/serde-1.0.0.crate',
    'https://h/Serde/serde-1.0.0.crate',
    'https://h/serde/serde-1.0.0.crate?x',
    'https://h/serde/serde-1.0.0.crate/',
    'https://h/serde/1.0.0/download',
    'https://h/serde/serde-1.0.crate',
    'https://h/a%2Fserde/a%2Fserde-1.0.0.crate',
    'file:///serde/serde-1.0.0.crate',
    'serde/serde-1.0.0.crate',
    'https://h/%/%-1.0.0.crate',
  ])('%s names none', (url) => {
    expect(parseCrateUrl(url)).toBeUndefined();
  });
});

it('credentials never survive', () => {
  fc.assert(
    fc.property(fc.webAuthority(), fc.string({ unit: fc.constantFrom(...'ab@:%!'), minLength: 1 }), (host, secret) => {
      const bare = host.slice(host.lastIndexOf('@') + 1);
      expect(withoutCredentials(`https://${secret}@${bare}/p@q`)).toBe(`https://${bare}/p@q`);
    }),
  );
  expect(withoutCredentials('https://h/a@b')).toBe('https://h/a@b');
  expect(withoutCredentials('user:pw@h')).toBe('user:h');
});
