import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { unknownUrlPath } from '../../dist/index.js';

it('a plain URL keeps its host and path', () => {
  expect(unknownUrlPath('https://example.com/dist/a-1.0.tar.gz')).toBe('example.com/dist/a-1.0.tar.gz');
  expect(unknownUrlPath('https://user:secret@example.com/x.zip#part')).toBe('example.com/x.zip');
});

it.each([
  ['https://example.com/a?b=1', /^example\.com\/a-[0-9a-f]{16}$/],
  ['https://example.com/a.tar?b=1', /^example\.com\/a-[0-9a-f]{16}\.tar$/],
  ['https://example.com/', /^example\.com\/index-[0-9a-f]{16}$/],
  ['https://example.com/a/', /^example\.com\/a-[0-9a-f]{16}$/],
  ['https://example.com:8443/a', /^example\.com_8443-[0-9a-f]{16}\/a$/],
  ['https://example.com/con.txt', /^example\.com\/_con-[0-9a-f]{16}\.txt$/],
  ['https://example.com/%2e%2e%2f%2e%2e%2fetc/passwd', /^example\.com\/_\._\.\._etc\/passwd-[0-9a-f]{16}$/],
  ['https://example.com/%00a', /^example\.com\/_a-[0-9a-f]{16}$/],
  ['https://example.com/.hidden', /^example\.com\/_hidden-[0-9a-f]{16}$/],
  ['https://s/er/serde-1.0.147.crate', /^s-[0-9a-f]{16}\/er\/serde-1\.0\.147\.crate$/],
])('%s is made safe and told apart by a digest', (url, expected) => {
  expect(unknownUrlPath(url)).toMatch(expected);
});

it('a forged digest does not hit the file of another URL', () => {
  const changed = unknownUrlPath('https://example.com/a?b=1');
  expect(unknownUrlPath(`https://${changed}`)).not.toBe(changed);
});

it('any URL gives a safe relative path', () => {
  const anyUrl = fc.oneof(
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    fc.string({ unit: 'binary', maxLength: 300 }).map((text) => `https://example.com/${text}`),
    fc
      .array(fc.constantFrom('..', '.', '%2e', '%2F', '\\', 'nul', 'a', 'é', ' ', ''), { maxLength: 200 })
      .map((p) => `http://h.example/${p.join('/')}`),
  );
  fc.assert(
    fc.property(anyUrl, (url) => {
      if (/\p{Cc}/u.test(url)) {
        expect(() => unknownUrlPath(url)).toThrow(expect.objectContaining({ code: 'ERR_INTEGRITY' }));
        return;
      }
      const path = unknownUrlPath(url);
      expect(path.length).toBeLessThanOrEqual(740);
      expect(path).toMatch(/^[^/]+(?:\/[^/]+)+$/);
      for (const part of path.split('/')) {
        expect(part).toMatch(/^[A-Za-z0-9_~!$&'()+,;=@-](?:[A-Za-z0-9._~!$&'()+,;=@-]*[A-Za-z0-9_~!$&'()+,;=@-])?$/);
        expect(part.length).toBeLessThanOrEqual(140);
      }
    }),
  );
});

it('different paths and queries of a host never share a file', () => {
  const anyTail = fc.string({ unit: fc.constantFrom(...'ab./%?2e_ :'), maxLength: 8 });
  fc.assert(
    fc.property(anyTail, anyTail, (a, b) => {
      const [first, second] = [new URL(`https://h.example/${a}`), new URL(`https://h.example/${b}`)];
      // a question mark with nothing behind it is no query
      const isSame = first.pathname === second.pathname && first.search === second.search;
      expect(unknownUrlPath(first.href) === unknownUrlPath(second.href)).toBe(isSame);
    }),
    { numRuns: 2000 },
  );
});

it.each(['file:///etc/passwd', 'ftp://example.com/a', 'data:,x', 'x', '', 'https://example.com/a\n../b'])(
  '%j is refused',
  (url) => {
    expect(() => unknownUrlPath(url)).toThrow(expect.objectContaining({ code: 'ERR_INTEGRITY' }));
  },
);

it('a refused URL does not show its password', () => {
  expect(() => unknownUrlPath('ftp://me:secret@example.com/a')).toThrow(/found "ftp:\/\/example\.com\/a"/);
});
