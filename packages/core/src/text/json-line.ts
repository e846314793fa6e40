import { terminalLine } from './terminal-text.ts';

/**
 * A value as a line of JSON, with its line feed. What a terminal acts upon is written as `\u` escapes, which mean the same to every reader, so
 * that the line is harmless wherever it is shown.
 */
export function jsonLine(value: unknown): string {
  return `${terminalLine(JSON.stringify(value))}\n`;
}
