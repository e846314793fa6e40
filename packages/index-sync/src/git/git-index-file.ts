import { ifThere } from '@mirror/core/errors';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { STAT_BYTES } from './stat-record.ts';

/** What git's index is to say of one path. */
export interface IndexUpdate {
  readonly path: string;
  /** Undefined takes the path out. */
  readonly entry: { readonly id: string; readonly stat: Uint8Array } | undefined;
}

/** A `.git/index` as far as it is needed to make the next one. */
export interface GitIndex {
  readonly bytes: Buffer;
  /** Where each entry begins, and where the last one ends. */
  readonly starts: Uint32Array;
  /** The body of the `TREE` extension. */
  readonly cacheTree: Buffer | undefined;
}

const HEADER_BYTES = 12;
const NAME_AT = STAT_BYTES + 20 + 2;

/**
 * Read `.git/index`. Undefined when there is none, or one that this program must not build on: another version than 2,
 * with conflicts, split, sparse, or damaged. The next one is then made from the tree alone.
 *
 * @see https://git-scm.com/docs/index-format
 */
export function readGitIndex(file: string): GitIndex | undefined {
  const bytes = ifThere(() => readFileSync(file));
  if (bytes === undefined) return undefined;
  if (bytes.length < HEADER_BYTES + 20 || bytes.toString('latin1', 0, 4) !== 'DIRC' || bytes.readUInt32BE(4) !== 2)
    return undefined;
  const count = bytes.readUInt32BE(8);
  if (count > bytes.length / NAME_AT) return undefined;
  const starts = new Uint32Array(count + 1);
  let at = HEADER_BYTES;
  for (let n = 0; n < count; n++) {
    starts[n] = at;
    const end = bytes.indexOf(0, at + NAME_AT);
    if (end < 0 || (bytes[at + NAME_AT - 2] as number) & 0x70) return undefined; // extended, or one side of a conflict
    at += paddedLength(end - at - NAME_AT);
  }
  starts[count] = at;
  const extensions = readExtensions(bytes, at);
  return extensions === undefined ? undefined : { bytes, starts, cacheTree: extensions.get('TREE') };
}

/** One file as git's index lists it. */
export interface IndexEntry {
  readonly path: string;
  readonly id: string;
  readonly stat: Buffer;
}

/** What an index lists, in path order. Names are the bytes of the file, one character each. */
export function* entriesOf({ bytes, starts }: GitIndex): Generator<IndexEntry> {
  for (let n = 0; n + 1 < starts.length; n++) {
    const start = starts[n] as number;
    const name = start + NAME_AT;
    yield {
      path: bytes.toString('latin1', name, bytes.indexOf(0, name)),
      id: bytes.toString('hex', start + STAT_BYTES, start + STAT_BYTES + 20),
      stat: bytes.subarray(start, start + STAT_BYTES),
    };
  }
}

/**
 * The index that follows `old` after `updates`, which must be in path order: its bytes, and how many files it lists.
 * Entries that are not updated keep what git knew of their files.
 */
export function nextGitIndex(
  old: GitIndex | undefined,
  updates: readonly IndexUpdate[],
  treeExtension: Buffer,
): { readonly pieces: Buffer[]; readonly count: number } {
  const added = updates.reduce((sum, update) => sum + paddedLength(Buffer.byteLength(update.path)), 0);
  const out = Buffer.alloc(HEADER_BYTES + (old?.bytes.length ?? 0) + added);
  let at = HEADER_BYTES;
  let count = 0;
  let n = 0;
  const oldCount = old === undefined ? 0 : old.starts.length - 1;
  for (const { path, entry } of updates) {
    const name = Buffer.from(path);
    const from = n;
    let order = -1;
    while (old !== undefined && n < oldCount && (order = compareName(old, n, name)) < 0) n++;
    at += copyEntries(old, from, n, out, at);
    count += n - from;
    if (n < oldCount && order === 0) n++;
    if (entry === undefined) continue;
    at += writeEntry(out, at, name, entry.id, entry.stat);
    count++;
  }
  at += copyEntries(old, n, oldCount, out, at);
  count += oldCount - n;
  out.write('DIRC', 0, 'latin1');
  out.writeUInt32BE(2, 4);
  out.writeUInt32BE(count, 8);
  const entries = out.subarray(0, at);
  const digest = createHash('sha1').update(entries).update(treeExtension).digest();
  return { pieces: [entries, treeExtension, digest], count };
}

function copyEntries(old: GitIndex | undefined, from: number, to: number, out: Buffer, at: number): number {
  return old === undefined || from === to ? 0 : old.bytes.copy(out, at, old.starts[from], old.starts[to]);
}

function writeEntry(out: Buffer, at: number, name: Buffer, id: string, stat: Uint8Array): number {
  out.set(stat, at);
  out.write(id, at + STAT_BYTES, 'hex');
  out.writeUInt16BE(Math.min(name.length, 0xfff), at + STAT_BYTES + 20);
  name.copy(out, at + NAME_AT);
  return paddedLength(name.length);
}

function compareName({ bytes, starts }: GitIndex, n: number, name: Buffer): number {
  const start = (starts[n] as number) + NAME_AT;
  return bytes.compare(name, 0, name.length, start, bytes.indexOf(0, start));
}

// at least one zero ends a name, and entries begin at multiples of eight from each other
function paddedLength(nameLength: number): number {
  return (NAME_AT + nameLength + 8) & ~7;
}

// extensions with a capital letter may be dropped; others change the meaning of the whole file
function readExtensions(bytes: Buffer, from: number): Map<string, Buffer> | undefined {
  const found = new Map<string, Buffer>();
  let at = from;
  while (at + 8 <= bytes.length - 20) {
    const name = bytes.toString('latin1', at, at + 4);
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    if (!/^[A-Z]/.test(name) || end > bytes.length - 20) return undefined;
    found.set(name, bytes.subarray(at + 8, end));
    at = end;
  }
  return found;
}
