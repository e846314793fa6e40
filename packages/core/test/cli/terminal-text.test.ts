import { expect, it } from '@jest/globals';
import { terminalLine, terminalText } from '../../dist/cli/terminal-text.js';

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
  }
});

it('other text stays as it is', () => {
  for (const text of ['plain', 'ünïcödé 日本 🦀', 'two\nlines\tand a tab']) expect(terminalText(text)).toBe(text);
});
