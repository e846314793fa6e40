import { expect, it } from '@jest/globals';
import { formatManifestRecord } from '../../dist/index.js';
import { jsonLine } from '../../dist/text/json-line.js';
import { terminalLine, terminalText } from '../../dist/text/terminal-text.js';

const HOSTILE = [
  '\u0000',
  '\u0007',
  '\u001B[2J',
  '\r',
  '\u007F',
  '\u009B31m',
  '\u202E',
  '\u2066',
  '\u200F',
  '\u2028',
  '\uFEFF',
];

it('nothing that a terminal acts upon is left, and JSON keeps its meaning', () => {
  for (const each of HOSTILE) {
    const name = `a${each}b`;
    expect(terminalText(name)).toMatch(/^[\x20-\x7e]+$/);
    const json = terminalLine(JSON.stringify({ name }));
    expect(json).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(json)).toEqual({ name });
    expect(jsonLine({ name })).toBe(`${json}\n`);
    const record = formatManifestRecord({
      ...{ url: name, path: name, error: name, size: null, sha256: null, startedAt: 0, finishedAt: 0 },
      ...{ status: 'failed', runId: name },
    });
    expect(record).toMatch(/^[\x20-\x7e]+\n$/);
    expect(JSON.parse(record)).toMatchObject({ url: name, path: name, error: name });
  }
});

it('other text stays as it is', () => {
  for (const text of ['plain', 'ünïcödé 日本 🦀', 'two\nlines\tand a tab']) expect(terminalText(text)).toBe(text);
});
