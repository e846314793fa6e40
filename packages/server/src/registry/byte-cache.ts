/** Values by key, at most so many bytes of them: the ones not asked for longest go first. */
export interface ByteCache<V> {
  get(key: string): V | undefined;
  /** Keep `value`, counted as `bytes`; one that alone is more than a quarter of the room is not kept. */
  set(key: string, value: V, bytes: number): void;
  delete(key: string): void;
  readonly bytes: number;
}

/** A cache with room for `maxBytes`. Each entry counts for a few hundred bytes more than it says. */
export function createByteCache<V>(maxBytes: number): ByteCache<V> {
  // A Map keeps the order of insertion: what was used last is put at its end.
  const kept = new Map<string, { readonly value: V; readonly bytes: number }>();
  let total = 0;
  const remove = (key: string): void => {
    const old = kept.get(key);
    if (old === undefined) return;
    kept.delete(key);
    total -= old.bytes;
  };
  return {
    get(key) {
      const found = kept.get(key);
      if (found === undefined) return undefined;
      kept.delete(key);
      kept.set(key, found);
      return found.value;
    },
    set(key, value, size) {
      remove(key);
      const bytes = size + ENTRY_BYTES;
      if (bytes > maxBytes / 4) return;
      kept.set(key, { value, bytes });
      total += bytes;
      for (const [oldest, { bytes: freed }] of kept) {
        if (total <= maxBytes) break;
        kept.delete(oldest);
        total -= freed;
      }
    },
    delete: remove,
    get bytes() {
      return total;
    },
  };
}

const ENTRY_BYTES = 400;
