import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { inflateSync } from 'node:zlib';
import { MirrorError, ifThere } from '../errors.ts';
import { applyDelta } from './delta.ts';
import { OBJECT_TYPES, type GitObject, type ObjectType } from './object-id.ts';
import { OFS_DELTA, REF_DELTA } from './pack-entry.ts';
import { openPackFile, type PackFile } from './pack-file.ts';
import { commonDirOf } from './repository.ts';

/** Where an object lies. */
export interface PackedPlace {
  readonly pack: PackFile;
  readonly offset: number;
}

/** The objects of one repository: its packs, its loose objects, and those of its alternates. */
export interface ObjectStore {
  readonly packs: readonly PackFile[];
  /** Whether the object is there (its bytes are not looked at). */
  has(id: string): boolean;
  /** The object. Throws ERR_INTEGRITY when it is missing or damaged. */
  read(id: string): GitObject;
  /** Read and require a type. */
  readAs(id: string, type: ObjectType): Buffer;
  /** The pack that holds the object, if one does. */
  locate(id: string): PackedPlace | undefined;
  close(): void;
}

/** Bounds of a store. */
export interface ObjectStoreOptions {
  /** Larger objects are refused (default 64 MiB). */
  readonly maxObjectBytes?: number;
  /** Longer chains of deltas are refused (default 4,096: git itself makes at most 4,095). */
  readonly maxChain?: number;
  /** Rebuilt bases are kept up to so many bytes (default 48 MiB), so that neighbours need not rebuild them. */
  readonly cacheBytes?: number;
}

/**
 * Open all objects of the repository at `gitDir` for reading. Packs that appear later are not seen.
 * Names are taken on trust, as git does when it reads: what fetches must check them.
 *
 * @param gitDir - a `.git` folder or a bare repository
 * @throws {MirrorError} ERR_INTEGRITY when a pack index is damaged
 */
export function openObjectStore(gitDir: string, options: ObjectStoreOptions = {}): ObjectStore {
  const { maxObjectBytes = 64 * 2 ** 20, maxChain = 4096, cacheBytes = 48 * 2 ** 20 } = options;
  const objectDirs = withAlternates(path.join(commonDirOf(gitDir), 'objects'));
  const packs = objectDirs.flatMap((dir) => packPaths(dir)).map((file) => openPackFile(file, maxObjectBytes));
  const bases = createBaseCache(cacheBytes);
  let likely = 0; // neighbours in a tree mostly lie in the same pack

  function locate(id: string): PackedPlace | undefined {
    for (let n = 0; n < packs.length; n++) {
      const at = (likely + n) % packs.length;
      const pack = packs[at] as PackFile;
      const offset = pack.index.find(id);
      if (offset < 0) continue;
      likely = at;
      return { pack, offset };
    }
    return undefined;
  }

  function readPacked(start: PackedPlace): GitObject {
    const deltas: Buffer[] = [];
    const places: PackedPlace[] = [];
    let place = start;
    let found: GitObject | undefined;
    for (;;) {
      found = bases.get(place);
      if (found !== undefined) break;
      const entry = place.pack.readEntry(place.offset);
      places.push(place);
      const type = OBJECT_TYPES[entry.type];
      if (type !== undefined) {
        found = { type, data: entry.data };
        break;
      }
      deltas.push(entry.data);
      if (deltas.length > maxChain) throw damaged(`chain of more than ${maxChain} deltas`);
      place = baseOf(place, entry.type, entry.baseDistance, entry.baseId);
    }
    let data = found.data;
    for (let n = deltas.length - 1; n >= 0; n--) {
      bases.set(places[n + 1], { type: found.type, data });
      data = applyDelta(data, deltas[n] as Buffer, Buffer.allocUnsafe, maxObjectBytes);
    }
    return { type: found.type, data };
  }

  function baseOf(place: PackedPlace, type: number, distance: number, id: string | undefined): PackedPlace {
    if (type === OFS_DELTA && distance > 0 && distance < place.offset)
      return { pack: place.pack, offset: place.offset - distance };
    const base = type === REF_DELTA && id !== undefined ? locate(id) : undefined;
    if (base === undefined)
      throw damaged(`base ${id ?? `${distance} bytes before`} of a delta at ${place.offset} is missing`);
    return base;
  }

  function readLoose(id: string): GitObject | undefined {
    for (const dir of objectDirs) {
      const bytes = ifThere(() => readFileSync(path.join(dir, id.slice(0, 2), id.slice(2))));
      if (bytes !== undefined) return parseLoose(id, bytes, maxObjectBytes);
    }
    return undefined;
  }

  function read(id: string): GitObject {
    const place = locate(id);
    const object = place === undefined ? readLoose(id) : readPacked(place);
    if (object === undefined) throw damaged(`object ${id} is missing in ${gitDir}`);
    return object;
  }

  return {
    packs,
    locate,
    read,
    has: (id) =>
      locate(id) !== undefined || objectDirs.some((dir) => existsSync(path.join(dir, id.slice(0, 2), id.slice(2)))),
    readAs(id, type) {
      const object = read(id);
      if (object.type !== type) throw damaged(`object ${id} is a ${object.type}, expected a ${type}`);
      return object.data;
    },
    close: () => packs.forEach((pack) => pack.close()),
  };
}

interface BaseCache {
  get(place: PackedPlace): GitObject | undefined;
  set(place: PackedPlace | undefined, object: GitObject): void;
}

// the least recently used bases go first; a map keeps its order of insertion
function createBaseCache(limit: number): BaseCache {
  const byPack = new Map<PackFile, number>();
  const kept = new Map<number, GitObject>();
  let bytes = 0;
  const keyOf = ({ pack, offset }: PackedPlace): number => {
    let number = byPack.get(pack);
    if (number === undefined) byPack.set(pack, (number = byPack.size));
    return offset * 4096 + (number % 4096);
  };
  return {
    get(place) {
      const key = keyOf(place);
      const object = kept.get(key);
      if (object === undefined) return undefined;
      kept.delete(key);
      kept.set(key, object);
      return object;
    },
    set(place, object) {
      if (place === undefined || object.data.length > limit / 4) return;
      const key = keyOf(place);
      if (kept.has(key)) return;
      kept.set(key, object);
      bytes += object.data.length;
      for (const [oldest, old] of kept) {
        if (bytes <= limit) break;
        kept.delete(oldest);
        bytes -= old.data.length;
      }
    },
  };
}

function parseLoose(id: string, bytes: Buffer, maxObjectBytes: number): GitObject {
  let whole: Buffer;
  try {
    whole = inflateSync(bytes, { maxOutputLength: maxObjectBytes + 64 });
  } catch (cause) {
    throw new MirrorError('ERR_INTEGRITY', `git object ${id} cannot be inflated`, { cause });
  }
  const end = whole.indexOf(0);
  const header = /^(commit|tree|blob|tag) (\d+)$/.exec(whole.toString('latin1', 0, Math.max(0, end)));
  const data = whole.subarray(end + 1);
  if (header === null || Number(header[2]) !== data.length) throw damaged(`object ${id} has no proper header`);
  return { type: header[1] as ObjectType, data };
}

function packPaths(objectDir: string): string[] {
  const dir = path.join(objectDir, 'pack');
  const names = new Set(ifThere(() => readdirSync(dir)));
  const complete = [...names].filter(
    (name) => /^pack-.+\.pack$/.test(name) && names.has(name.replace(/\.pack$/, '.idx')),
  );
  return complete.sort().map((name) => path.join(dir, name));
}

// https://git-scm.com/docs/gitrepository-layout#Documentation/gitrepository-layout.txt-objectsinfoalternates
function withAlternates(objectDir: string, depth = 0): string[] {
  const list = ifThere(() => readFileSync(path.join(objectDir, 'info', 'alternates'), 'utf8')) ?? '';
  const others = list.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  if (depth >= 5) return [objectDir];
  return [objectDir, ...others.flatMap((other) => withAlternates(path.resolve(objectDir, other), depth + 1))];
}

function damaged(what: string): MirrorError {
  return new MirrorError('ERR_INTEGRITY', `git: ${what}`);
}
