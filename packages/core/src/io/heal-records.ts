import { fstatSync, ftruncateSync, readSync } from 'node:fs';
import { MirrorError } from '../errors.ts';
import { writeAll } from './write-all.ts';

/**
 * Make the end of a file of records one that can be appended to: a last record that a killed run left torn is cut off (it claims nothing yet),
 * one that is whole but lacks its line feed gets it. Nothing else is ever changed, and that only in a file that is certainly one of ours: its first
 * line is a record, or all there is of it is one torn record. The torn end begins as records do and is no longer than a record can be.
 *
 * @param fd - open for reading and appending
 * @param firstKey - the key that every record begins with
 * @throws {MirrorError} ERR_INTEGRITY for any other file, which is left as it is
 */
export function healRecords(file: string, fd: number, firstKey: string): void {
  const { size } = fstatSync(fd);
  if (size === 0) return;
  const tail = tailOf(fd, size);
  if (tail === undefined) throw refusal(file, `its end has no line feed within ${String(MAX_RECORD_BYTES)} bytes`);
  if (tail.length < size) {
    const first = firstLine(fd, size);
    if (first === undefined || !isRecord(first, firstKey)) throw refusal(file, 'its first line is no record');
  }
  if (tail.length === 0) return;
  const text = tail.toString('utf8').replace(/\0+$/, ''); // a power cut can leave a block of zeros
  if (text.length === tail.toString('utf8').length && isRecord(text, firstKey)) {
    writeAll(fd, Buffer.from('\n'));
    return;
  }
  const begin = `{"${firstKey}":`;
  if (!text.startsWith(begin) && !begin.startsWith(text))
    throw refusal(file, 'its end does not begin as a record does');
  ftruncateSync(fd, size - tail.length);
}

/** No record is longer: a URL, a path and an error in it are bounded. */
const MAX_RECORD_BYTES = 1 << 20;

/** The bytes after the last line feed; undefined when they are more than a record has. */
function tailOf(fd: number, size: number): Buffer | undefined {
  const length = Math.min(size, MAX_RECORD_BYTES + 1);
  const bytes = readAt(fd, size - length, length);
  const feed = bytes.lastIndexOf(FEED);
  if (feed >= 0) return bytes.subarray(feed + 1);
  return length > MAX_RECORD_BYTES ? undefined : bytes;
}

/** The first line without its end; undefined when it is longer than a record. */
function firstLine(fd: number, size: number): string | undefined {
  const bytes = readAt(fd, 0, Math.min(size, MAX_RECORD_BYTES + 1));
  const feed = bytes.indexOf(FEED);
  return feed < 0 ? undefined : bytes.toString('utf8', 0, feed);
}

function isRecord(text: string, firstKey: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && Object.hasOwn(value, firstKey);
  } catch {
    return false;
  }
}

function readAt(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const count = readSync(fd, bytes, filled, length - filled, position + filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

function refusal(file: string, reason: string): MirrorError {
  return new MirrorError('ERR_INTEGRITY', `${file} is not a file of records of ours: ${reason}; it is left as it is`, {
    hint: 'name another file, or move this one away',
  });
}

const FEED = 0x0a;
