import { hash } from 'node:crypto';
import { MirrorError } from '../errors.ts';

/** Where an entry's index line is. */
export interface EntryPlace {
  /** Number of the bundle. */
  readonly bundle: number;
  /** Byte offset of the line in the bundle's index. */
  readonly lineAt: number;
}

/** Which paths are in which bundle, in about 30 bytes for each, whatever their length. */
export interface EntryTable {
  /** How many different paths there are. */
  readonly size: number;
  /** Note that `path` with content `sha256` is in `place`; a later note for the same path replaces the earlier one. */
  set(path: string, sha256: string, place: EntryPlace): void;
  /** As `set`, for a path and a content that another thread has made numbers of. */
  setKey(key: PathKey, content: number, place: EntryPlace): void;
  /** Where `path` should be. The index line there decides whether it is. */
  find(path: string): EntryPlace | undefined;
  /** Whether `path` is there; with `sha256`, whether with that content. Compares 64 bits of the path and 32 of the digest. */
  has(path: string, sha256?: string): boolean;
  /** What another thread needs to answer `has` as of now: a copy. */
  share(): SharedEntries;
}

/** 64 bits of the SHA-256 of a path. */
export interface PathKey {
  readonly high: number;
  readonly low: number;
}

/** The columns of a table in memory that threads share; nobody writes to it. */
export interface SharedEntries {
  readonly size: number;
  readonly used: Uint8Array<SharedArrayBuffer>;
  readonly high: Uint32Array<SharedArrayBuffer>;
  readonly low: Uint32Array<SharedArrayBuffer>;
  readonly content: Uint32Array<SharedArrayBuffer>;
}

/** Answers `EntryTable.has` out of shared memory. */
export function hasShared(entries: SharedEntries, path: string, sha256?: string): boolean {
  if (entries.size === 0) return false;
  const { high, low } = pathKey(path);
  const slot = slotOf(entries, high, low);
  return entries.used[slot] === 1 && (sha256 === undefined || entries.content[slot] === contentTag(sha256));
}

/** What a table without entries shares. */
export const NO_ENTRIES: SharedEntries = {
  size: 0,
  used: new Uint8Array(new SharedArrayBuffer(0)),
  high: new Uint32Array(new SharedArrayBuffer(0)),
  low: new Uint32Array(new SharedArrayBuffer(0)),
  content: new Uint32Array(new SharedArrayBuffer(0)),
};

/** The key of `path`. */
export function pathKey(path: string): PathKey {
  const digest = hash('sha256', path, 'buffer');
  return { high: digest.readUInt32LE(0), low: digest.readUInt32LE(4) };
}

/**
 * An empty table. It keeps a 64-bit digest of each path (of SHA-256: nobody can choose names that collide) in an
 * open-addressing hash table of typed arrays that doubles when it is 3/4 full.
 *
 * @throws {MirrorError} ERR_INTEGRITY, from `set`, for an index above 4 GiB or a bundle number above 65,535
 */
export function createEntryTable(): EntryTable {
  let slots = allocate(INITIAL_SLOTS);
  let size = 0;

  const grow = (): void => {
    const old = slots;
    slots = allocate(old.capacity * 2);
    for (let from = 0; from < old.capacity; from += 1) {
      if (old.used[from] === 0) continue;
      const to = slotOf(slots, old.high[from] ?? 0, old.low[from] ?? 0);
      for (const column of COLUMNS) slots[column][to] = old[column][from] ?? 0;
    }
  };

  let lastPath: string | undefined;
  let lastHigh = 0;
  let lastLow = 0;

  /** The same path is often asked for and then set. */
  const locate = (path: string): { slot: number; high: number; low: number } => {
    if (path !== lastPath) {
      ({ high: lastHigh, low: lastLow } = pathKey(path));
      lastPath = path;
    }
    return { slot: slotOf(slots, lastHigh, lastLow), high: lastHigh, low: lastLow };
  };

  const setKey = ({ high, low }: PathKey, content: number, place: EntryPlace): void => {
    if (place.lineAt >= 2 ** 32 || place.bundle >= 2 ** 16) {
      throw new MirrorError(
        'ERR_INTEGRITY',
        `bundle ${place.bundle}: more bundles or a larger index than this program can hold`,
      );
    }
    if (size >= slots.capacity * MAX_LOAD) grow();
    const slot = slotOf(slots, high, low);
    size += 1 - (slots.used[slot] ?? 0);
    slots.used[slot] = 1;
    slots.high[slot] = high;
    slots.low[slot] = low;
    slots.content[slot] = content;
    slots.bundle[slot] = place.bundle;
    slots.lineAt[slot] = place.lineAt;
  };

  return {
    get size() {
      return size;
    },
    set: (path, sha256, place) => {
      setKey(locate(path), contentTag(sha256), place);
    },
    setKey,
    find(path) {
      const { slot } = locate(path);
      if (slots.used[slot] === 0) return undefined;
      return { bundle: slots.bundle[slot] ?? 0, lineAt: slots.lineAt[slot] ?? 0 };
    },
    has(path, sha256) {
      const { slot } = locate(path);
      return slots.used[slot] === 1 && (sha256 === undefined || slots.content[slot] === contentTag(sha256));
    },
    share() {
      if (size === 0) return NO_ENTRIES;
      const { capacity } = slots;
      const shared = {
        size,
        used: new Uint8Array(new SharedArrayBuffer(capacity)),
        high: new Uint32Array(new SharedArrayBuffer(4 * capacity)),
        low: new Uint32Array(new SharedArrayBuffer(4 * capacity)),
        content: new Uint32Array(new SharedArrayBuffer(4 * capacity)),
      };
      for (const column of SHARED_COLUMNS) shared[column].set(slots[column]);
      return shared;
    },
  };
}

const SHARED_COLUMNS = ['used', 'high', 'low', 'content'] as const;

const INITIAL_SLOTS = 2 ** 12;
const MAX_LOAD = 0.75;

interface Slots {
  readonly capacity: number;
  readonly used: Uint8Array;
  readonly high: Uint32Array;
  readonly low: Uint32Array;
  readonly content: Uint32Array;
  readonly bundle: Uint16Array;
  readonly lineAt: Uint32Array;
}

const COLUMNS = ['used', 'high', 'low', 'content', 'bundle', 'lineAt'] as const;

function allocate(capacity: number): Slots {
  return {
    capacity,
    used: new Uint8Array(capacity),
    high: new Uint32Array(capacity),
    low: new Uint32Array(capacity),
    content: new Uint32Array(capacity),
    bundle: new Uint16Array(capacity),
    lineAt: new Uint32Array(capacity),
  };
}

/** The slot that holds the path with this digest, or the free one where it belongs. There is a power of two of them. */
function slotOf(slots: Pick<Slots, 'used' | 'high' | 'low'>, high: number, low: number): number {
  const mask = slots.used.length - 1;
  let slot = low & mask;
  while (slots.used[slot] === 1 && (slots.high[slot] !== high || slots.low[slot] !== low)) slot = (slot + 1) & mask;
  return slot;
}

/** 32 bits of a SHA-256. */
export function contentTag(sha256: string): number {
  return Number.parseInt(sha256.slice(0, 8), 16);
}
