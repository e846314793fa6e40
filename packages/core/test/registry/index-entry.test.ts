import { describe, expect, it } from '@jest/globals';
import { parseIndexEntry } from '../../dist/index.js';

const where = { indexPath: 'se/rd/serde', line: 12 };
const cksum = '0c4b39bd9b0b087684013a792c59e3e07a46a01d2322518d8a1104641a0b1be0';
const plain = { name: 'serde', vers: '1.0.0', deps: [], cksum, features: {}, yanked: false };

function messageFor(fields: object | string): string {
  try {
    parseIndexEntry(typeof fields === 'string' ? fields : JSON.stringify(fields), where);
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code} ${message}`;
  }
  return 'accepted';
}

describe('an index line', () => {
  it('gives every field in its order, known or not', () => {
    const text = `{"name":"Serde","vers":"1.0.0+b","zzz":{"a":[1]},"cksum":"${cksum.toUpperCase()}","yanked":true,"pubtime":"2025-11-20T01:02:03Z","v":2}`;
    const entry = parseIndexEntry(text, where);
    expect(entry).toEqual({
      name: 'Serde',
      vers: '1.0.0+b',
      cksum,
      yanked: true,
      pubtime: '2025-11-20T01:02:03Z',
      indexPath: 'se/rd/serde',
      line: 12,
      fields: JSON.parse(text) as object,
      text,
    });
    expect(Object.keys(entry.fields)).toEqual(['name', 'vers', 'zzz', 'cksum', 'yanked', 'pubtime', 'v']);
  });

  it('without a time has none', () => {
    expect(parseIndexEntry(JSON.stringify(plain), where).pubtime).toBeUndefined();
    expect(parseIndexEntry(JSON.stringify({ ...plain, pubtime: null }), where).pubtime).toBeUndefined();
  });

  it.each([
    ['', 'expected a JSON object, found ""'],
    ['{', 'expected a JSON object, found "{"'],
    ['[]', 'expected a JSON object, found "[]"'],
    ['null', 'expected a JSON object, found "null"'],
    [{ ...plain, name: undefined }, 'name: expected a crate name, found nothing'],
    [{ ...plain, name: '../x' }, 'name: expected a crate name, found "../x"'],
    [{ ...plain, name: 'tokio' }, 'name: expected the crate this file is for, found "tokio"'],
    [{ ...plain, name: 'ser_de' }, 'name: expected the crate this file is for, found "ser_de"'],
    [{ ...plain, vers: '1.0' }, 'vers: expected a semantic version, found "1.0"'],
    [{ ...plain, vers: 1 }, 'vers: expected a semantic version, found 1'],
    [{ ...plain, vers: '1.0.0/../../x' }, 'vers: expected a semantic version, found "1.0.0/../../x"'],
    [{ ...plain, cksum: cksum.slice(1) }, `cksum: expected 64 hex digits, found "${cksum.slice(1)}"`],
    [{ ...plain, cksum: ['a'] }, 'cksum: expected 64 hex digits, found a list'],
    [{ ...plain, yanked: 'false' }, 'yanked: expected true or false, found "false"'],
    [{ ...plain, yanked: null }, 'yanked: expected true or false, found null'],
    [{ ...plain, pubtime: 'today' }, 'pubtime: expected an RFC 3339 time, found "today"'],
    [{ ...plain, pubtime: '2025-13-01T00:00:00Z' }, 'pubtime: expected an RFC 3339 time, found "2025-13-01T00:00:00Z"'],
    [{ ...plain, pubtime: {} }, 'pubtime: expected an RFC 3339 time, found an object'],
  ])('%j is refused by file and line', (fields, message) => {
    expect(messageFor(fields)).toBe(`ERR_INTEGRITY se/rd/serde:12: ${message}`);
  });

  it('that is hostile gives a short message without control characters', () => {
    const message = messageFor(`\u001b[2J${'x'.repeat(10_000)}`);
    expect(message.length).toBeLessThan(250);
    expect(message).toMatch(/^[ -~…]+$/);
  });
});
