import { MirrorError } from '@mirror/core/errors';
import {
  OBJECT_TYPES,
  adopt,
  entryHeader,
  hashObject,
  idOf,
  shareRoots,
  visitChains,
  withRoom,
  type GitObject,
  type PackColumns,
  type PackTable,
} from '@mirror/core/git';
import { runWorkers } from '@mirror/core/threads';
import { createHash, randomUUID } from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { renameOver, syncFolderSync, writeAll } from '@mirror/core/io';
import { writeDurably } from './durable.ts';
import type { GitLimits } from './limits.ts';
import { packIndexBytes } from './pack-index-writer.ts';
import { createPackParser } from './pack-parser.ts';

/** How a pack is taken in. */
export interface IndexPackOptions {
  /** The `objects/pack` folder of the repository. */
  readonly dir: string;
  readonly limits: GitLimits;
  /** Worker threads for large packs; small ones are done in this thread. */
  readonly threads: number;
  /** Gives objects the repository already has: a thin pack stands on them. */
  readonly findBase: (id: string) => GitObject | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A pack that is now part of the repository. */
export interface IndexedPack {
  /** `pack-<checksum>`: the name of both files. */
  readonly name: string;
  readonly objects: number;
  /** Bytes that came in, which is less than the file has when bases were added. */
  readonly received: number;
  /** How many bases were added so that the pack stands alone. */
  readonly addedBases: number;
}

/** What a hash worker gets. */
export interface HashWork {
  readonly packPath: string;
  readonly count: number;
  readonly columns: PackColumns;
  readonly roots: Int32Array;
  readonly limits: GitLimits;
}

// a smaller pack is done before threads have started
const MIN_BYTES_FOR_THREADS = 8 * 2 ** 20;

/**
 * Take in a pack while it arrives: check and name every object, complete it with the bases it stands on if it is thin,
 * and give it its index, so that it is a pack like any that git made. Undefined for a pack without objects.
 *
 * Both files are on disk for good when this returns; after a failure there is nothing but, at worst, a `tmp_pack_…`
 * file when the process was killed.
 *
 * @throws {MirrorError} ERR_INTEGRITY when the pack is damaged, beyond the limits, or stands on objects that are missing
 */
export async function indexPack(
  pieces: AsyncIterable<Buffer>,
  options: IndexPackOptions,
): Promise<IndexedPack | undefined> {
  const temporary = path.join(options.dir, `tmp_pack_${randomUUID()}`);
  const fd = openSync(temporary, 'wx+');
  try {
    const parser = createPackParser(options.limits);
    let received = 0;
    for await (const piece of pieces) {
      options.signal?.throwIfAborted();
      writeAll(fd, piece);
      received += piece.length;
      parser.write(piece);
    }
    const parsed = parser.end();
    const before = parsed.table.count;
    if (before === 0) return undefined;
    const table = await resolveDeltas({ ...options, fd, packPath: temporary }, parsed.table, parsed.namedBases);
    const addedBases = table.count - before;
    const checksum = addedBases === 0 ? parsed.checksum : rewriteChecksum(fd, table);
    const name = `pack-${checksum}`;
    fsyncSync(fd);
    // git looks for the index first: the pack must be there before it
    writeDurably(path.join(options.dir, `tmp_idx_${randomUUID()}`), packIndexBytes(table, checksum), (written) => {
      chmodSync(temporary, 0o444);
      renameOver(temporary, path.join(options.dir, `${name}.pack`));
      chmodSync(written, 0o444);
      renameOver(written, path.join(options.dir, `${name}.idx`));
    });
    syncFolderSync(options.dir);
    return { name, objects: table.count, received, addedBases };
  } finally {
    closeSync(fd);
    rmSync(temporary, { force: true });
  }
}

interface ResolveContext extends IndexPackOptions {
  readonly fd: number;
  readonly packPath: string;
}

// In rounds: first what stands on whole objects of the pack, then what names a base that was found or added since.
async function resolveDeltas(
  context: ResolveContext,
  parsed: PackTable,
  namedBases: ReadonlyMap<number, string>,
): Promise<PackTable> {
  let table = parsed;
  const waiting = new Map(namedBases);
  await nameObjects(context, table, parentsOfDeltas(table));
  while (waiting.size > 0) {
    let links = basesInPack(table, waiting);
    if (links.size === 0) ({ table, links } = addBases(context, table, waiting));
    for (const [child, base] of links) {
      adopt(table, base, child);
      waiting.delete(child);
    }
    await nameObjects(context, table, rootsOf(table, links.values()));
  }
  return table;
}

/** Name everything that stands on `roots`, in this thread or, for a large pack, in several. */
async function nameObjects(context: ResolveContext, table: PackTable, roots: number[]): Promise<void> {
  const { fd, packPath, limits, threads } = context;
  if (threads < 2 || (table.start[table.count] as number) < MIN_BYTES_FOR_THREADS) {
    visitChains(table, fd, roots, limits, (n, type, data) => hashObject(type, data).copy(table.id, 20 * n));
    return;
  }
  const works = shareRoots(table, roots, threads).map((share): HashWork => ({
    packPath,
    count: table.count,
    columns: table.columns,
    roots: share,
    limits,
  }));
  await runWorkers(new URL('./hash-worker.js', import.meta.url), works, context.signal);
}

function parentsOfDeltas(table: PackTable): number[] {
  const roots: number[] = [];
  for (let n = 0; n < table.count; n++) {
    if (OBJECT_TYPES[table.type[n] as number] !== undefined && table.firstChild[n] !== 0) roots.push(n);
  }
  return roots;
}

// a base that is itself a delta is rebuilt from its own base again: git makes no such packs, others may
function rootsOf(table: PackTable, bases: Iterable<number>): number[] {
  const parent = new Int32Array(table.count);
  for (let n = 0; n < table.count; n++) {
    for (let link = table.firstChild[n] as number; link !== 0; link = table.nextSibling[link - 1] as number)
      parent[link - 1] = n + 1;
  }
  const roots = new Set<number>();
  for (const base of bases) {
    let n = base;
    while (parent[n] !== 0) n = (parent[n] as number) - 1;
    roots.add(n);
  }
  return [...roots].sort((a, b) => a - b);
}

function basesInPack(table: PackTable, waiting: ReadonlyMap<number, string>): Map<number, number> {
  const byId = new Map<string, number>();
  for (let n = 0; n < table.count; n++)
    if (OBJECT_TYPES[table.type[n] as number] !== undefined) byId.set(idOf(table, n), n);
  const links = new Map<number, number>();
  for (const [child, id] of waiting) {
    const base = byId.get(id);
    if (base !== undefined) links.set(child, base);
  }
  return links;
}

interface AddedBases {
  readonly table: PackTable;
  /** Deltas, and the entry each of them stands on. */
  readonly links: Map<number, number>;
}

// a pack that git reads must hold every base: those that only the repository has are copied to its end
function addBases(
  { findBase, fd }: ResolveContext,
  table: PackTable,
  waiting: ReadonlyMap<number, string>,
): AddedBases {
  const wider = withRoom(table, new Set(waiting.values()).size);
  const added = new Map<string, number>();
  const links = new Map<number, number>();
  for (const [child, id] of waiting) {
    let base = added.get(id);
    if (base === undefined) {
      const object = findBase(id);
      if (object === undefined) continue;
      added.set(id, (base = appendEntry(wider, fd, id, object)));
    }
    links.set(child, base);
  }
  if (links.size === 0) throw new MissingBaseError(waiting.size);
  return { table: wider, links };
}

function appendEntry(table: PackTable, fd: number, id: string, object: GitObject): number {
  const n = table.count;
  const type = OBJECT_TYPES.indexOf(object.type);
  const header = entryHeader(type, object.data.length);
  const entry = Buffer.concat([header, deflateSync(object.data, { level: 1 })]);
  const start = table.start[n] as number;
  if (start + entry.length > 2 ** 32 - 21)
    throw new MirrorError('ERR_INTEGRITY', 'git pack: larger than 4 GiB with its bases');
  writeSync(fd, entry, 0, entry.length, start);
  table.dataAt[n] = start + header.length;
  table.size[n] = object.data.length;
  table.type[n] = type;
  table.crc[n] = crc32(entry);
  table.id.write(id, 20 * n, 'hex');
  table.start[n + 1] = start + entry.length;
  table.count = n + 1;
  return n;
}

/** Set the number of objects and the checksum anew after entries were added; gives the checksum. */
function rewriteChecksum(fd: number, table: PackTable): string {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(table.count);
  writeSync(fd, count, 0, 4, 8);
  const end = table.start[table.count] as number;
  const hash = createHash('sha1');
  const buffer = Buffer.allocUnsafe(2 ** 20);
  for (let at = 0; at < end;) {
    const length = readSync(fd, buffer, 0, Math.min(buffer.length, end - at), at);
    if (length === 0) throw new MirrorError('ERR_IO', 'git pack: cut off on disk');
    hash.update(buffer.subarray(0, length));
    at += length;
  }
  const digest = hash.digest();
  writeSync(fd, digest, 0, digest.length, end);
  return digest.toString('hex');
}

/** The pack stands on objects that are neither in it nor in the repository. */
export class MissingBaseError extends MirrorError {
  constructor(count: number) {
    super('ERR_INTEGRITY', `git pack: ${count} deltas stand on objects that are missing here`);
  }
}
