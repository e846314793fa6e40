/** Values by key, at most so many bytes of them: what was not asked for since room was last needed goes first. */
export interface ByteCache<V> {
  get(key: string): V | undefined;
  /** Keep `value`, counted as `bytes`; one that alone is more than a quarter of the room is not kept. */
  set(key: string, value: V, bytes: number): void;
  delete(key: string): void;
  readonly bytes: number;
}

interface Kept<V> {
  readonly value: V;
  readonly bytes: number;
  wasUsed: boolean;
}

/** A cache with room for `maxBytes`. Each entry counts for a few hundred bytes more than it says. */
export function createByteCache<V>(maxBytes: number): ByteCache<V> {
  // A Map keeps the order of insertion. What was used is put at its end when it is due to go, not at each use: looking
  // something up is far more common than making room.
  const kept = new Map<string, Kept<V>>();
  let total = 0;
  const remove = (key: string): void => {
    const old = kept.get(key);
    if (old === undefined) return;
    kept.delete(key);
    total -= old.bytes;
  };
  const makeRoom = (): void => {
    for (const [key, entry] of kept) {
      if (total <= maxBytes) return;
      kept.delete(key);
      if (entry.wasUsed) kept.set(key, { ...entry, wasUsed: false });
      else total -= entry.bytes;
    }
  };
  return {
    get(key) {
      const found = kept.get(key);
      if (found === undefined) return undefined;
      found.wasUsed = true;
      return found.value;
    },
    set(key, value, size) {
      remove(key);
      const bytes = size + ENTRY_BYTES;
      if (bytes > maxBytes / 4) return;
      kept.set(key, { value, bytes, wasUsed: true });
      total += bytes;
      makeRoom();
    },
    delete: remove,
    get bytes() {
      return total;
    },
  };
}

const ENTRY_BYTES = 400;
