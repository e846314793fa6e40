import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TOO_DEEP, TOO_LONG, indentObject } from '../dist/indent-object.js';

const OPTIONS = { dropped: new Set(['crate_file', 'crate_url', 'index_path']), maxDepth: 127, maxBytes: 1e6 };

function indent(json: string, options: Partial<typeof OPTIONS> = {}): string {
  const to = Buffer.alloc(100_000);
  const bytes = indentObject(Buffer.from(json), to, { ...OPTIONS, ...options });
  return `${to.toString('utf8', 0, bytes)}\n}`;
}

describe('indentObject', () => {
  it.each([
    ['{"a":1}', '{\n  "a": 1\n}'],
    ['{"a":{},"b":[]}', '{\n  "a": {},\n  "b": []\n}'],
    ['{"a":[1,{"b":null}],"c":true}', '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ],\n  "c": true\n}'],
    [' {\t"a" : [ 1 , 2 ] ,\r "b":{ } } ', '{\n  "a": [\n    1,\n    2\n  ],\n  "b": {}\n}'],
    ['{"a":"[1,2]{\\"x\\":3}"}', '{\n  "a": "[1,2]{\\"x\\":3}"\n}'],
    ['{"a":"\\\\","b":"\\\\\\""}', '{\n  "a": "\\\\",\n  "b": "\\\\\\""\n}'],
  ])('%s is indented', (json, expected) => {
    expect(indent(json)).toBe(expected);
  });

  it.each([
    ['a number beyond 2^53', '123456789012345678901234567890'],
    ['the form of a number', '1.50E+3'],
    ['a negative zero', '-0'],
    ['an escape that is not needed', '"\\u0041\\/"'],
    ['half of a surrogate pair', '"\\ud800"'],
    ['text beyond ASCII', '"żółć 💾"'],
  ])('%s stays as it is', (_, token) => {
    expect(indent(`{"a":${token}}`)).toBe(`{\n  "a": ${token}\n}`);
  });

  it.each([
    ['first', '{"crate_url":{"x":[1]},"a":1,"b":2}', '{\n  "a": 1,\n  "b": 2\n}'],
    ['in the middle', '{"a":1,"index_path":"x","b":2}', '{\n  "a": 1,\n  "b": 2\n}'],
    ['last', '{"a":1,"b":2,"crate_file":null}', '{\n  "a": 1,\n  "b": 2\n}'],
    ['several times', '{"crate_file":1,"crate_file":2,"a":1,"crate_url":3,"b":2}', '{\n  "a": 1,\n  "b": 2\n}'],
    ['written with escapes', '{"a":1,"crate\\u005ffile":1,"b":2}', '{\n  "a": 1,\n  "b": 2\n}'],
  ])('a field to be dropped is dropped: %s', (_, json, expected) => {
    expect(indent(json)).toBe(expected);
  });

  it('a name to be dropped stays deeper down, and as a value', () => {
    const json = '{"a":{"crate_url":1},"b":"crate_url","c":["crate_file"]}';
    expect(JSON.parse(indent(json))).toEqual(JSON.parse(json));
  });

  it('a key that occurs twice stays twice', () => {
    expect(indent('{"a":1,"a":2}')).toBe('{\n  "a": 1,\n  "a": 2\n}');
  });

  it('any object comes out as JSON.stringify indents it', () => {
    // keys that look like array indexes are sorted by JavaScript
    const key = fc.string().filter((text) => !/^\d+$/.test(text) && !OPTIONS.dropped.has(text));
    const value = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(fc.dictionary(key, value, { minKeys: 1 }), (object) => {
        expect(JSON.parse(indent(JSON.stringify(object)))).toEqual(JSON.parse(JSON.stringify(object)));
        expect(indent(JSON.stringify(object))).toBe(JSON.stringify(object, null, 2));
        expect(indent(JSON.stringify(object, null, 5))).toBe(JSON.stringify(object, null, 2));
      }),
    );
  });

  it('what has no room is counted and not written', () => {
    const json = Buffer.from(JSON.stringify({ a: ['x'.repeat(50), { b: [1, 2, 3] }], c: 'y' }));
    const whole = Buffer.alloc(1000);
    const bytes = indentObject(json, whole, OPTIONS);
    for (let room = 0; room < bytes; room++) {
      const small = Buffer.alloc(room);
      expect(indentObject(json, small, OPTIONS)).toBe(bytes);
      expect(small.equals(whole.subarray(0, room))).toBe(true);
    }
  });

  it('deep nesting is refused, one level less is not', () => {
    const deep = (levels: number): Buffer => Buffer.from(`{"a":${'['.repeat(levels)}1${']'.repeat(levels)}}`);
    expect(indentObject(deep(126), Buffer.alloc(1e5), OPTIONS)).toBeGreaterThan(0);
    expect(indentObject(deep(127), Buffer.alloc(1e5), OPTIONS)).toBe(TOO_DEEP);
    expect(indentObject(deep(1_000_000), Buffer.alloc(10), OPTIONS)).toBe(TOO_DEEP);
  });

  it('an object that would become too long is refused before it is made', () => {
    const long = Buffer.from(`{"a":${'['.repeat(100)}${'0,'.repeat(100_000)}0${']'.repeat(100)}}`);
    expect(indentObject(long, Buffer.alloc(10), OPTIONS)).toBe(TOO_LONG);
  });

  it('text that is no object does no harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(typeof indentObject(bytes, Buffer.alloc(10), OPTIONS)).toBe('number');
      }),
    );
  });
});
