import { fsyncSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { messageOf } from '../errors.ts';
import { jsonLine } from '../text/json-line.ts';
import { openForAppend } from './append-file.ts';
import { healRecords } from './heal-records.ts';
import { writeAll } from './write-all.ts';
import { writeError } from './write-error.ts';

/** A line of a JSON-lines stream that was read. */
export type JsonLine =
  | { readonly ok: true; readonly line: number; readonly value: unknown }
  | { readonly ok: false; readonly line: number; readonly message: string };

/** Lines above this many bytes are refused, whoever wrote them. */
export const MAX_LINE_BYTES: number = 16 << 20;

/**
 * Split a byte stream into lines of text without their end. Blank lines are left out; a last line without a line feed counts.
 * Memory is bounded: a line above `maxBytes` is reported as too long and skipped to its end. A byte order mark at the beginning is no part of the first line.
 */
export async function* readLines(
  stream: Readable | AsyncIterable<Uint8Array>,
  maxBytes: number = MAX_LINE_BYTES,
): AsyncGenerator<{ readonly line: number; readonly text: string | undefined }> {
  let line = 1;
  let parts: Uint8Array[] = [];
  let size = 0;
  const take = (): { line: number; text: string | undefined } | undefined => {
    const text =
      size > maxBytes
        ? undefined
        : Buffer.concat(parts)
            .toString('utf8')
            .replace(/\r$/, '')
            .replace(line === 1 ? /^\ufeff/ : '', '');
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
 * Open a file of records for appending and heal its end, as `healRecords` says. A device or a pipe is written into; a symbolic link is refused.
 *
 * @param firstKey - the key that every record begins with
 * @throws {MirrorError} ERR_IO when the file cannot be opened or written, ERR_INTEGRITY when it is something else than records
 */
export function openJsonlAppender(file: string, firstKey = 'schema_version'): JsonlAppender {
  const target = openForAppend(file, { readable: true });
  const { fd, isFile } = target;
  const attempt = (action: () => void): void => {
    try {
      action();
    } catch (error) {
      throw writeError(file, error);
    }
  };
  try {
    if (isFile) attempt(() => healRecords(file, fd, firstKey));
  } catch (error) {
    target.close();
    throw error;
  }
  const appendText = (lines: string): void => {
    attempt(() => {
      writeAll(fd, Buffer.from(lines, 'utf8'));
    });
  };
  return {
    append: (records) => {
      appendText(records.map(jsonLine).join(''));
    },
    appendText,
    close: () => {
      attempt(() => {
        try {
          if (isFile) fsyncSync(fd);
        } finally {
          target.close();
        }
      });
    },
  };
}
