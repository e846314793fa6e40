import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { splitUrl } from '../dist/fetch/split-url.js';

function byTheStandard(url: string): { origin: string; target: string } | undefined {
  if (!URL.canParse(url)) return undefined;
  const { origin, pathname, search } = new URL(url);
  return { origin, target: pathname + search };
}

describe('a URL', () => {
  it.each([
    'http://127.0.0.1:8080/crates/a/a-1.0.0.crate',
    'https://static.example.org/crates/a/a-1.0.0%2Bb.crate',
    'https://static.example.org/a/../b',
    'https://static.example.org/a/%2e%2E/b',
    'https://static.example.org/a/.%2e/b',
    'https://Static.Example.ORG:443/a b?c=d#e',
    'http://user:secret@host/a',
    'http://host:65535/a',
    'http://host:65536/a',
    'http://[::1]:80/a',
    'http://host',
    'no URL',
  ])('%s is split as the standard has it', (url) => {
    expect(splitUrl(url)).toEqual(byTheStandard(url));
  });

  it('of any parts is split as the standard has it, but for ports that need no saying', () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}[a-z]$/);
    const segment = fc.oneof(
      fc.stringMatching(/^[\w.~%+-]{1,12}$/),
      fc.constantFrom('.', '..', '%2e', '%2E%2e', 'é', ''),
    );
    const url = fc
      .tuple(
        fc.constantFrom('http', 'https'),
        fc.array(label, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1000, max: 70_000 }),
        fc.array(segment, { maxLength: 4 }),
      )
      .map(
        ([scheme, labels, port, segments]) => `${scheme}://${labels.join('.')}:${String(port)}/${segments.join('/')}`,
      );
    fc.assert(
      fc.property(url, (text) => {
        expect(splitUrl(text)).toEqual(byTheStandard(text));
      }),
      { numRuns: 2000 },
    );
  });
});
