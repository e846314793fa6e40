import { open } from 'node:fs/promises';
import { MirrorError, messageOf, systemCodeOf } from '../errors.ts';
import { isSha256 } from '../io/digest.ts';
import type { Sha256 } from '../io/digest.ts';
import { MAX_LINE_BYTES } from '../io/jsonl.ts';
import { createFingerprintSet, fingerprintOf } from './fingerprint-set.ts';
import type { Fingerprint } from './fingerprint-set.ts';

/** What earlier runs vouch for, read from their manifest. */
export interface Journal {
  /** Records of files that were there and right. */
  readonly size: number;
  /** Lines that are not records, such as one torn by a power cut; they vouch for nothing. */
  readonly unreadable: number;
  /** Whether some record says that this file, with this size and time of change, had this digest. */
  vouches(file: JournalFile): boolean;
}

/** The evidence that a record keeps for a file. */
export interface JournalFile {
  readonly path: string;
  readonly size: number;
  readonly mtimeUs: number;
  readonly sha256: Sha256;
}

/** A journal that vouches for nothing. */
export const emptyJournal: Journal = { size: 0, unreadable: 0, vouches: () => false };

/**
 * Read a manifest as a journal. Costs eight bytes a record, doubled for room, whatever the length of the lines; a
 * manifest of a million lines is read in about a second. A missing manifest is an empty journal.
 *
 * @throws {MirrorError} ERR_IO when the manifest cannot be read
 */
export async function readJournal(manifest: string, signal?: AbortSignal): Promise<Journal> {
  const known = createFingerprintSet();
  let unreadable = 0;
  const take = (text: string, ascii: boolean): void => {
    const file = ascii ? (fastRead(text) ?? exactRead(text)) : exactRead(Buffer.from(text, 'latin1').toString('utf8'));
    if (file === undefined) unreadable += 1;
    else if (file !== null) known.add(evidence(file));
  };
  for await (const block of readBlocks(manifest, signal)) {
    const text = block.toString('latin1');
    const ascii = !NON_ASCII.test(text);
    for (let start = 0; start < text.length;) {
      const feed = text.indexOf('\n', start);
      const end = feed < 0 ? text.length : feed;
      if (end > start) take(text.slice(start, end), ascii);
      start = end + 1;
    }
  }
  return { size: known.size, unreadable, vouches: (file) => known.has(evidence(file)) };
}

/** A digest has a fixed length, so that no path can run into it. */
function evidence({ path, size, mtimeUs, sha256 }: JournalFile): Fingerprint {
  return fingerprintOf(sha256 + path, size, mtimeUs);
}

/** Whole lines in blocks of a few megabytes, in one buffer that is used again. */
async function* readBlocks(file: string, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  let handle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return;
    throw new MirrorError('ERR_IO', `cannot read the manifest ${file}: ${messageOf(error)}`, { cause: error });
  }
  try {
    const buffer = Buffer.allocUnsafeSlow(MAX_LINE_BYTES);
    let kept = 0;
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, kept, Math.min(READ_BYTES, buffer.length - kept), null);
      const filled = kept + bytesRead;
      if (bytesRead === 0) {
        if (filled > 0) yield buffer.subarray(0, filled);
        return;
      }
      const feed = buffer.lastIndexOf(0x0a, filled - 1);
      const whole = feed < 0 || feed >= filled ? 0 : feed + 1;
      if (whole > 0) yield buffer.subarray(0, whole);
      // a line that does not fit is no record of ours: let it go
      kept = filled - whole < buffer.length ? filled - whole : 0;
      if (kept > 0 && whole > 0) buffer.copyWithin(0, whole, filled);
    }
  } finally {
    await handle.close();
  }
}

/** Exact for lines that `formatManifestRecord` wrote: keys in its order, values without escapes. */
function fastRead(line: string): JournalFile | null | undefined {
  const match = OWN_LINE.exec(line);
  if (match === null) return undefined;
  return { path: match[1]!, size: Number(match[2]), sha256: match[3]!, mtimeUs: Number(match[4]) };
}

/** Null for a record that vouches for nothing, undefined for a line that is no record. */
function exactRead(line: string): JournalFile | null | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { path, size, sha256, mtime_us: mtimeUs, ok } = value as Readonly<Record<string, unknown>>;
  if (
    ok !== true ||
    typeof path !== 'string' ||
    typeof size !== 'number' ||
    typeof mtimeUs !== 'number' ||
    !isSha256(sha256)
  )
    return null;
  return { path, size, sha256, mtimeUs };
}

const OWN_LINE =
  /^\{"schema_version":1,"url":"[^"\\]*","path":"([^"\\]*)","size":(\d+),"sha256":"([0-9a-f]{64})","mtime_us":(\d+),"started_at":"[^"\\]*","finished_at":"[^"\\]*","ok":true,"status":"(?:downloaded|skipped)"[,}].*\}$/;

// exactly the bytes that are one character in both encodings
const NON_ASCII = /[^\x00-\x7f]/;

const READ_BYTES = 4 << 20;
