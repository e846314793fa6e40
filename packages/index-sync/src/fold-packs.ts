import type { Log } from '@mirror/core';
import {
  OBJECT_TYPES,
  OFS_DELTA,
  REF_DELTA,
  createPackTable,
  entryHeader,
  openObjectStore,
  parseCommit,
  readEntryHeader,
  readShallow,
  readTree,
  type ObjectStore,
  type PackFile,
  type PackTable,
} from '@mirror/core/git';
import { createHash, randomUUID } from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { renameOver, syncFolderSync, writeAll } from '@mirror/core/io';
import { writeDurably } from './git/durable.ts';
import { replaceGitFile } from './git/git-lock.ts';
import { packIndexBytes } from './git/pack-index-writer.ts';
import { allRefs } from './git/all-refs.ts';
import { removePacks } from './git/remove-packs.ts';
import type { SyncState } from './sync-state.ts';

/** When packs are folded. */
export interface FoldOptions {
  /** Fold when there are more packs of our own than this (default 50). */
  readonly maxPacks?: number;
  readonly log: Log;
}

/**
 * Fold the packs that updates have left into one, once they are many or weigh more than half of the largest. It takes what
 * the refs reach and nothing else, needs no network, and leaves packs alone that this tool did not make.
 *
 * The new pack is complete and durable before an old one goes: killed at any moment, every object is in at least one.
 * Gives whether anything was folded.
 */
export function foldPacks(gitDir: string, state: SyncState, { maxPacks = 50, log }: FoldOptions): boolean {
  const dir = path.join(gitDir, 'objects', 'pack');
  const own = new Set(state.ownPacks());
  const sizes = readdirSync(dir)
    .filter((name) => name.endsWith('.pack') && own.has(name.slice(0, -'.pack'.length)))
    .map((name) => ({ name: name.slice(0, -'.pack'.length), bytes: statSync(path.join(dir, name)).size }))
    .sort((a, b) => b.bytes - a.bytes);
  const [largest, ...others] = sizes;
  const extra = others.reduce((sum, { bytes }) => sum + bytes, 0);
  if (
    largest === undefined ||
    others.length === 0 ||
    (others.length < maxPacks && extra < Math.max(largest.bytes / 2, MIN_EXTRA_BYTES))
  )
    return false;
  const started = performance.now();
  const store = openObjectStore(gitDir);
  let name: string;
  try {
    name = writeFolded(gitDir, dir, store, new Set(sizes.map((each) => each.name)));
  } finally {
    store.close();
  }
  state.writeOwnPacks([name]);
  const folded = sizes.map((each) => each.name).filter((old) => old !== name);
  removePacks(dir, folded);
  rmSync(path.join(dir, 'multi-pack-index'), { force: true });
  syncFolderSync(dir);
  pruneShallow(gitDir);
  log.info('folded packs', { packs: sizes.length, ms: Math.round(performance.now() - started) });
  return true;
}

const SUBMODULE = '160000';

// small repositories need not be tidied after every update
const MIN_EXTRA_BYTES = 4 * 2 ** 20;

function writeFolded(gitDir: string, dir: string, store: ObjectStore, folding: ReadonlySet<string>): string {
  const isFolding = (pack: PackFile): boolean => folding.has(path.basename(pack.path, '.pack'));
  // what also lies in a pack that stays need not be copied
  const staying = store.packs.filter((pack) => !isFolding(pack));
  const wanted = [...reachable(gitDir, store)].filter((id) => staying.every((pack) => pack.index.find(id) < 0));
  const places = placesOf(store.packs.filter(isFolding), wanted);
  const temporary = path.join(dir, `tmp_pack_${randomUUID()}`);
  const fd = openSync(temporary, 'wx');
  try {
    const { table, checksum } = writePack(fd, store, places);
    const name = `pack-${checksum}`;
    fsyncSync(fd);
    writeDurably(path.join(dir, `tmp_idx_${randomUUID()}`), packIndexBytes(table, checksum), (written) => {
      chmodSync(temporary, 0o444);
      renameOver(temporary, path.join(dir, `${name}.pack`));
      chmodSync(written, 0o444);
      renameOver(written, path.join(dir, `${name}.idx`));
    });
    syncFolderSync(dir);
    return name;
  } finally {
    closeSync(fd);
    rmSync(temporary, { force: true });
  }
}

/** Every object that a ref reaches; histories are followed as far as they are here. */
function reachable(gitDir: string, store: ObjectStore): Set<string> {
  const found = new Set<string>();
  const shallow = new Set(readShallow(gitDir));
  const open = allRefs(gitDir).filter((id) => store.has(id));
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    const { type, data } = store.read(id);
    if (type === 'tree') {
      for (const entry of readTree(data, '')) {
        if (entry.mode === SUBMODULE) continue; // a commit of another repository
        if (entry.isFolder) open.push(entry.id);
        else found.add(entry.id);
      }
    } else if (type === 'commit') {
      open.push(parseCommit(data, id).tree);
      if (!shallow.has(id))
        open.push(...(data.toString('latin1').match(/^parent [0-9a-f]{40}$/gm) ?? []).map((line) => line.slice(7)));
    } else if (type === 'tag') {
      open.push(data.toString('latin1', 7, 47));
    }
  }
  return found;
}

interface Place {
  readonly id: string;
  readonly pack: PackFile;
  readonly offset: number;
}

// in the order of their packs, so that bases come before what stands on them
function placesOf(packs: readonly PackFile[], ids: readonly string[]): Place[] {
  const places: Place[] = [];
  for (const id of ids) {
    for (const pack of packs) {
      const offset = pack.index.find(id);
      if (offset < 0) continue;
      places.push({ id, pack, offset });
      break;
    }
  }
  const order = new Map(packs.map((pack, n) => [pack, n]));
  return places.sort((a, b) => (order.get(a.pack) as number) - (order.get(b.pack) as number) || a.offset - b.offset);
}

function writePack(fd: number, store: ObjectStore, places: readonly Place[]): { table: PackTable; checksum: string } {
  const table = createPackTable(places.length);
  const hash = createHash('sha1');
  const written = new Map<PackFile, Map<number, number>>();
  let position = 0;
  const put = (bytes: Buffer): void => {
    writeAll(fd, bytes);
    hash.update(bytes);
    position += bytes.length;
  };
  const header = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
  header.writeUInt32BE(places.length, 8);
  put(header);
  places.forEach((place, n) => {
    table.start[n] = position;
    table.id.write(place.id, 20 * n, 'hex');
    const inPack = written.get(place.pack) ?? new Map<number, number>();
    written.set(place.pack, inPack.set(place.offset, position));
    const entry = copiedEntry(place, inPack, position) ?? wholeEntry(store, place.id);
    table.crc[n] = crc32(entry);
    put(entry);
  });
  table.count = places.length;
  const digest = hash.digest();
  writeSync(fd, digest);
  return { table, checksum: digest.toString('hex') };
}

// compressed bytes are copied as they are, unless their base does not come along
function copiedEntry(
  { pack, offset }: Place,
  written: ReadonlyMap<number, number>,
  position: number,
): Buffer | undefined {
  const raw = pack.readRaw(offset);
  const header = readEntryHeader(raw, 0);
  if (OBJECT_TYPES[header.type] !== undefined) return raw;
  const base = header.type === OFS_DELTA ? offset - header.baseDistance : pack.index.find(header.baseId as string);
  const target = base < 0 ? undefined : written.get(base);
  if (target === undefined || (header.type === REF_DELTA && base >= offset)) return undefined;
  return Buffer.concat([
    entryHeader(OFS_DELTA, header.size),
    distanceBytes(position - target),
    raw.subarray(header.length),
  ]);
}

function wholeEntry(store: ObjectStore, id: string): Buffer {
  const { type, data } = store.read(id);
  return Buffer.concat([entryHeader(OBJECT_TYPES.indexOf(type), data.length), deflateSync(data)]);
}

// https://git-scm.com/docs/pack-format: big end first, one subtracted at each step
function distanceBytes(distance: number): Buffer {
  const bytes = [distance % 128];
  for (let rest = Math.floor(distance / 128); rest > 0; rest = Math.floor(rest / 128))
    bytes.unshift(0x80 | (--rest % 128));
  return Buffer.from(bytes);
}

function pruneShallow(gitDir: string): void {
  const store = openObjectStore(gitDir);
  try {
    const before = readShallow(gitDir);
    const kept = before.filter((id) => store.has(id));
    if (kept.length < before.length)
      replaceGitFile(
        path.join(gitDir, 'shallow'),
        kept.map((id) => `${id}\n`),
      );
  } finally {
    store.close();
  }
}
