import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { acceptsGzip } from '../dist/http/accepts-gzip.js';
import { parseEtags, strongEtag } from '../dist/http/etag.js';
import { judgePrecondition } from '../dist/http/precondition.js';
import { checkedBasePath, checkedPublicUrl, publicAddress } from '../dist/http/public-address.js';
import { isRangeAllowed, parseRange } from '../dist/http/range.js';
import { parseTarget } from '../dist/http/request-target.js';

describe('a range', () => {
  it.each([
    ['bytes=0-499', 1000, { start: 0, end: 499 }],
    ['bytes=500-', 1000, { start: 500, end: 999 }],
    ['bytes=-200', 1000, { start: 800, end: 999 }],
    ['bytes=-2000', 1000, { start: 0, end: 999 }],
    ['bytes=0-5000', 1000, { start: 0, end: 999 }],
    ['BYTES= 1-2 ', 1000, { start: 1, end: 2 }],
    ['bytes=1000-', 1000, 'unsatisfiable'],
    ['bytes=-0', 1000, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=5-2', 1000, undefined],
    ['bytes=-', 1000, undefined],
    ['bytes=0-1,4-5', 1000, undefined],
    ['items=0-1', 1000, undefined],
    ['bytes=a-b', 1000, undefined],
    ['bytes=0-99999999999999999999999', 1000, undefined],
  ])('%j of %i bytes is %j', (field, size, expected) => {
    expect(parseRange(field, size)).toEqual(expected);
  });

  it('never leaves the body, whatever is asked', () => {
    const bound = fc.option(fc.nat({ max: 3000 }), { nil: undefined });
    fc.assert(
      fc.property(bound, bound, fc.nat({ max: 2000 }), (from, to, size) => {
        const range = parseRange(`bytes=${from ?? ''}-${to ?? ''}`, size);
        const wanted = Array.from({ length: size }, (_, i) => i).filter((i) =>
          from === undefined ? i >= size - (to ?? 0) : i >= from && i <= (to ?? size),
        );
        if (typeof range === 'object') expect([range.start, range.end]).toEqual([wanted[0], wanted.at(-1)]);
        else if (range === 'unsatisfiable') expect(wanted).toEqual([]);
        else expect(from === undefined ? to === undefined : to !== undefined && to < from).toBe(true);
      }),
    );
  });

  it('any text is read without an error', () => {
    fc.assert(fc.property(fc.string(), fc.nat(), (text, size) => void parseRange(text, size)));
  });

  it('a condition lets it through only with the very tag', () => {
    expect(
      [undefined, '"a"', 'W/"a"', '"b"', 'Sun, 06 Nov 1994 08:49:37 GMT'].map((field) => isRangeAllowed(field, '"a"')),
    ).toEqual([true, true, false, false, false]);
  });
});

describe('a condition', () => {
  const etag = strongEtag('a'.repeat(64));
  it.each([
    [{}, 'send'],
    [{ 'if-none-match': etag }, 'not-modified'],
    [{ 'if-none-match': `W/${etag}` }, 'not-modified'],
    [{ 'if-none-match': `"x", ${etag}` }, 'not-modified'],
    [{ 'if-none-match': '*' }, 'not-modified'],
    [{ 'if-none-match': '"x"' }, 'send'],
    [{ 'if-none-match': 'x' }, 'send'],
    [{ 'if-match': etag }, 'send'],
    [{ 'if-match': `W/${etag}` }, 'failed'],
    [{ 'if-match': '"x"' }, 'failed'],
    [{ 'if-match': etag, 'if-none-match': etag }, 'not-modified'],
  ])('%j comes to %s', (fields, expected) => {
    expect(judgePrecondition(fields, [etag])).toBe(expected);
  });

  it('a list of tags is read back as it was written', () => {
    const tag = fc.record({
      isWeak: fc.boolean(),
      tag: fc.stringMatching(/^[!#-~]{0,20}$/).map((text) => `"${text}"`),
    });
    fc.assert(
      fc.property(fc.array(tag), fc.constantFrom(',', ', ', ' ,\t'), (tags, comma) => {
        expect(parseEtags(tags.map((each) => `${each.isWeak ? 'W/' : ''}${each.tag}`).join(comma))).toEqual(tags);
      }),
    );
  });

  it('sixteen thousand quotes take no time to speak of', () => {
    expect(parseEtags('"'.repeat(16_000))).toEqual([]);
    expect(parseEtags(' ,'.repeat(8_000))).toEqual([]);
    expect(parseEtags('"a",'.repeat(4_000))).toHaveLength(4_000);
  });
});

describe('gzip', () => {
  it.each([
    [undefined, false],
    ['gzip', true],
    ['deflate, gzip;q=0.5', true],
    ['gzip;q=0', false],
    ['gzip; q=0.000', false],
    ['br', false],
    ['*', true],
    ['*;q=0', false],
    ['gzip;q=0, *', false],
    ['identity', false],
  ])('is taken by %j: %j', (field, expected) => {
    expect(acceptsGzip(field)).toBe(expected);
  });
});

describe('a request target', () => {
  it.each([
    ['/', []],
    ['/index/se/rd/serde', ['index', 'se', 'rd', 'serde']],
    ['/crates/x/1.0.0+a/download', ['crates', 'x', '1.0.0+a', 'download']],
    ['/crates/x/1.0.0%2Ba/download', ['crates', 'x', '1.0.0+a', 'download']],
    ['http://elsewhere/index/1/a?x=1', ['index', '1', 'a']],
  ])('%s has the parts %j', (text, parts) => {
    expect(parseTarget(text)).toMatchObject({ parts });
  });

  it.each([
    '/../etc/passwd',
    '/a/../../b',
    '/a//b',
    '/a/./b',
    '/%2e%2e/x',
    '/a%2fb',
    '/a%5cb',
    '/a%00',
    '/a\\b',
    '/a%0ab',
  ])('%s is no path of ours', (text) => {
    expect(parseTarget(text)).toBe('no-such-path');
  });

  it.each([
    ['*', 'malformed'],
    ['x', 'malformed'],
    ['/%', 'malformed'],
    ['/%ff', 'malformed'],
    [`/${'a'.repeat(2048)}`, 'too-long'],
  ])('%s is refused', (text, problem) => {
    expect(parseTarget(text)).toBe(problem);
  });

  it('no text gives a part that could leave a folder', () => {
    const piece = fc.constantFrom('/', '.', '..', '%2e', '%2f', '%5c', '\\', 'a', '%', '%00', '+', '?', '#', 'é');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const target = parseTarget(`/${pieces.join('')}`);
        if (typeof target === 'object')
          for (const part of target.parts) expect(part).toMatch(/^(?!\.{1,2}$)[^/\\\0]+$/);
      }),
    );
  });

  it('a base path is taken off where it is, and only whole', () => {
    expect(parseTarget('/mirror/index/1/a', '/mirror')).toMatchObject({ parts: ['index', '1', 'a'] });
    expect(parseTarget('/index/1/a', '/mirror')).toMatchObject({ parts: ['index', '1', 'a'] });
    expect(parseTarget('/mirrors/x', '/mirror')).toMatchObject({ parts: ['mirrors', 'x'] });
    expect(parseTarget('/mirror', '/mirror')).toMatchObject({ parts: [], isFolder: true });
  });
});

describe('the public address', () => {
  const plain = { basePath: '', trustProxy: false };
  const request = (headers: Record<string, string>) => ({ headers, isSecure: false, localHost: '127.0.0.1:80' });
  it('is what the client called', () => {
    expect(publicAddress(request({ host: 'mirror.example:8080' }), plain)).toBe('http://mirror.example:8080');
    expect(publicAddress(request({ host: '[::1]:8080' }), { ...plain, basePath: '/m' })).toBe('http://[::1]:8080/m');
    expect(publicAddress({ ...request({}), isSecure: true }, plain)).toBe('https://127.0.0.1:80');
  });
  it('believes a proxy only when told to', () => {
    const forwarded = {
      host: 'inner',
      'x-forwarded-host': 'outer.example, inner',
      'x-forwarded-proto': 'https',
      'x-forwarded-prefix': '/rust/',
    };
    expect(publicAddress(request(forwarded), plain)).toBe('http://inner');
    expect(publicAddress(request(forwarded), { ...plain, trustProxy: true })).toBe('https://outer.example/rust');
  });
  it.each(['a"b', 'a/b', 'a b', 'user@host', '', '<x>', 'a:b:c'])('the host %j is none', (host) => {
    expect(publicAddress(request({ host }), plain)).toBeUndefined();
  });
  it('a setting decides, and is checked', () => {
    expect(checkedPublicUrl('https://mirror.example/rust/')).toEqual({
      publicUrl: 'https://mirror.example/rust',
      basePath: '/rust',
    });
    expect(checkedBasePath('a/b/')).toBe('/a/b');
    for (const bad of ['ftp://x', 'x', 'http://u:p@h', 'http://h/?q'])
      expect(() => checkedPublicUrl(bad)).toThrow('public URL');
    for (const bad of ['/a b', '/..', '/a?b', '/"']) expect(() => checkedBasePath(bad)).toThrow('base path');
  });
});
