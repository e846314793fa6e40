import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { createExactIndenter, createObjectIndenter } from '../dist/object-indenter.js';
import type { ObjectIndenter } from '../dist/object-indenter.js';

const OPTIONS = { dropped: new Set(['crate_file', 'crate_url', 'index_path']), maxDepth: 127, maxBytes: 3_000_000 };
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

function textOf(indenter: ObjectIndenter, json: string, room = 10): string | number {
  const indented = indenter(json, room);
  if (typeof indented === 'number') return indented;
  const { buffer, from, end } = indented;
  expect(buffer.length - end).toBeGreaterThanOrEqual(room);
  return buffer.toString('utf8', from, end);
}

describe('the quick indenter', () => {
  const exact = createExactIndenter(OPTIONS);
  const quick = createObjectIndenter(OPTIONS);
  const expectSame = (json: string, room?: number): void => {
    expect(textOf(quick, json, room)).toBe(textOf(exact, json, room));
  };

  it('is what its source compiles to', () => {
    execFileSync(process.execPath, ['assembly/build-indent-object.js', '--check'], { cwd: PACKAGE });
  });

  it('gives what the exact one gives, for any object', () => {
    const value = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' });
    const object = fc.dictionary(fc.string({ unit: 'binary' }), value, { minKeys: 1 });
    fc.assert(
      fc.property(object, fc.nat(4), fc.nat(5000), (each, indent, room) => {
        expectSame(JSON.stringify(each, null, indent), room);
      }),
      { numRuns: 500 },
    );
  });

  it('gives what the exact one gives where strings end around a vector of 16 bytes', () => {
    for (let length = 0; length < 70; length++) {
      for (const end of ['', '\\"', '\\\\', 'é', '\\u0041']) {
        expectSame(`{"${'k'.repeat(length)}":"${'x'.repeat(length)}${end}","${'x'.repeat(length)}${end}":[1]}`);
      }
    }
  });

  it.each([
    ['{"crate_file":1,"a":2}'],
    ['{"a":2,"crate_url":[{}]}'],
    ['{"a":{"index_path":1},"index_path":2,"b":[]}'],
    ['{"crate_fill":1,"index_push":2,"crate_uri":3}'],
    ['{"crate\\u005ffile":1,"a":2}'],
    ['{"a":1,"\\"":2}'],
  ])('knows as well what is to be dropped: %s', (json) => {
    expectSame(json);
  });

  it('refuses the same depth', () => {
    for (const levels of [125, 126, 127, 128, 5000]) expectSame(`{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`);
  });

  it('grows for long objects and refuses the same length', () => {
    for (const count of [10, 100_000, 300_000, 400_000, 1_000_000, 10]) expectSame(`{"a":[${'0,'.repeat(count)}0]}`);
    expectSame(`{"a":${'['.repeat(120)}${'0,'.repeat(100_000)}0${']'.repeat(120)}}`);
  });
});
