/** Decompressed frames that are kept for the next reads; several readers may share one cache. */
export interface FrameCache {
  /** A number that keeps the frames of one reader apart from those of others. */
  register(): number;
  /** Whether the frame is there, or on its way. */
  has(reader: number, frame: number): boolean;
  /** The frame from the cache, or what `load` gives; two that ask at the same time share one load. Failures are not kept. */
  get(reader: number, frame: number, bytes: number, load: () => Promise<Buffer>): Promise<Buffer>;
}

/**
 * A cache that lets the least recently used frames go when it holds more than `limitBytes`, but always keeps the last three:
 * one that is read, one ahead, and one for somebody else.
 */
export function createFrameCache(limitBytes: number): FrameCache {
  const held = new Map<number, { readonly bytes: number; readonly content: Promise<Buffer> }>();
  let heldBytes = 0;
  let readers = 0;

  const drop = (key: number): void => {
    heldBytes -= held.get(key)?.bytes ?? 0;
    held.delete(key);
  };

  return {
    register: () => readers++,
    has: (reader, frame) => held.has(keyOf(reader, frame)),
    get(reader, frame, bytes, load) {
      const key = keyOf(reader, frame);
      const known = held.get(key);
      if (known !== undefined) {
        held.delete(key);
        held.set(key, known);
        return known.content;
      }
      const content = load();
      held.set(key, { bytes, content });
      heldBytes += bytes;
      content.catch(() => {
        if (held.get(key)?.content === content) drop(key);
      });
      for (const oldest of held.keys()) {
        if (heldBytes <= limitBytes || held.size <= KEPT_ALWAYS) break;
        drop(oldest);
      }
      return content;
    },
  };
}

const KEPT_ALWAYS = 3;
const FRAMES_PER_READER = 2 ** 24;

function keyOf(reader: number, frame: number): number {
  return reader * FRAMES_PER_READER + frame;
}
