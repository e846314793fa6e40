import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { MirrorError, messageOf } from '../errors.ts';

/** A line of a JSON-lines stream that was read. */
export type JsonLine =
  | { readonly ok: true; readonly line: number; readonly value: unknown }
  | { readonly ok: false; readonly line: number; readonly message: string };

/** Lines above this many bytes are refused, whoever wrote them. */
export const MAX_LINE_BYTES: number = 16 << 20;

/**
 * Split a byte stream into lines of text without their end. Blank lines are left out; a last line without a line feed counts.
 * Memory is bounded: a line above `maxBytes` is reported as too long and skipped to its end.
 */
export async function* readLines(
  stream: Readable | AsyncIterable<Uint8Array>,
  maxBytes: number = MAX_LINE_BYTES,
): AsyncGenerator<{ readonly line: number; readonly text: string | undefined }> {
  let line = 1;
  let parts: Uint8Array[] = [];
  let size = 0;
  const take = (): { line: number; text: string | undefined } | undefined => {
    const text = size > maxBytes ? undefined : Buffer.concat(parts).toString('utf8').replace(/\r$/, '');
    parts = [];
    size = 0;
    return text === '' ? undefined : { line, text };
  };
  const keep = (part: Uint8Array): void => {
    size += part.length;
    if (size <= maxBytes) parts.push(part);
    else parts = [];
  };
  for await (const piece of stream) {
    const chunk = typeof piece === 'string' ? Buffer.from(piece) : (piece as Uint8Array);
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      keep(chunk.subarray(start, end));
      const found = take();
      if (found !== undefined) yield found;
      line += 1;
      start = end + 1;
    }
    // the stream may use its buffer again for the next chunk
    if (start < chunk.length) keep(Uint8Array.prototype.slice.call(chunk, start));
  }
  const last = take();
  if (last !== undefined) yield last;
}

/** Read JSON lines; a line that is not JSON is handed out as such and does not end the reading. */
export async function* readJsonLines(
  stream: Readable | AsyncIterable<Uint8Array>,
  maxBytes?: number,
): AsyncGenerator<JsonLine> {
  for await (const { line, text } of readLines(stream, maxBytes)) {
    if (text === undefined) {
      yield { ok: false, line, message: 'the line is too long' };
      continue;
    }
    try {
      yield { ok: true, line, value: JSON.parse(text) as unknown };
    } catch (error) {
      yield { ok: false, line, message: messageOf(error) };
    }
  }
}

/** A JSON-lines file that is only ever appended to. */
export interface JsonlAppender {
  /** Append records; they are in the file (not necessarily on the platter) when it returns. */
  append(records: readonly object[]): void;
  /** Append lines that are JSON already, each with its line feed. */
  appendText(lines: string): void;
  /** Flush to the device and close. */
  close(): void;
}

/**
 * Open a JSON-lines file for appending and heal its end: a last line that a killed run left torn is cut off (it claims
 * nothing yet), one that is whole but lacks its line feed gets it. Nothing else is ever changed.
 *
 * @throws {MirrorError} ERR_IO when the file cannot be opened or written
 */
export function openJsonlAppender(file: string): JsonlAppender {
  const fd = attempt(file, () => openSync(file, 'a+'));
  attempt(file, () => {
    healTornLine(fd);
  });
  const appendText = (lines: string): void => {
    attempt(file, () => {
      const bytes = Buffer.from(lines, 'utf8');
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
    });
  };
  return {
    append: (records) => {
      appendText(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    },
    appendText,
    close: () => {
      attempt(file, () => {
        fsyncSync(fd);
        closeSync(fd);
      });
    },
  };
}

function healTornLine(fd: number): void {
  const { size } = fstatSync(fd);
  const tail: Buffer[] = [];
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - 65_536);
    const block = Buffer.alloc(end - start);
    readSync(fd, block, 0, block.length, start);
    const feed = block.lastIndexOf(0x0a);
    tail.unshift(block.subarray(feed + 1));
    end = feed >= 0 ? 0 : start;
  }
  const torn = Buffer.concat(tail);
  if (torn.length === 0) return;
  if (isJson(torn.toString('utf8'))) writeSync(fd, '\n');
  else ftruncateSync(fd, size - torn.length);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function attempt<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new MirrorError('ERR_IO', `cannot write ${file}: ${messageOf(error)}`, { cause: error });
  }
}
