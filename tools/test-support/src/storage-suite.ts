import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

/** The part of a storage that the suite calls; structurally the interface of core. */
export interface StorageUnderTest {
  stat(path: string): Promise<{ readonly path: string; readonly size: number; readonly mtimeUs: number } | undefined>;
  get(path: string, range?: { offset: number; length: number }): Promise<Readable | undefined>;
  put(
    path: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    options?: { sha256?: string; size?: number; signal?: AbortSignal },
  ): Promise<{ readonly path: string; readonly size: number }>;
  list(prefix?: string): AsyncIterable<{ readonly path: string; readonly size: number }>;
  delete(path: string): Promise<boolean>;
}

/** What every storage must do; each backend runs it on an empty storage of its own. */
export function storageSuite(
  name: string,
  open: () => Promise<{ storage: StorageUnderTest; close: () => Promise<void> }>,
): void {
  describe(`${name} as a storage`, () => {
    let storage: StorageUnderTest;
    let close: () => Promise<void>;
    beforeEach(async () => ({ storage, close } = await open()));
    afterEach(() => close());

    const body = randomBytes(100_000);
    const digest = createHash('sha256').update(body).digest('hex');
    const paths = async (prefix?: string): Promise<string[]> => {
      const found: string[] = [];
      for await (const file of storage.list(prefix)) found.push(file.path);
      return found;
    };
    const read = async (path: string, range?: { offset: number; length: number }): Promise<Buffer | undefined> => {
      const stream = await storage.get(path, range);
      return stream === undefined ? undefined : await buffer(stream);
    };

    it('what was put is there, whole, with its size', async () => {
      await storage.put('s/er/serde-1.0.0.crate', body, { sha256: digest, size: body.length });
      expect(await read('s/er/serde-1.0.0.crate')).toEqual(body);
      expect(await storage.stat('s/er/serde-1.0.0.crate')).toMatchObject({
        path: 's/er/serde-1.0.0.crate',
        size: body.length,
      });
    });

    it('a body in pieces ends in the same bytes', async () => {
      await storage.put('a', pieces(body, 777), { sha256: digest });
      expect(await read('a')).toEqual(body);
    });

    it('an empty file is a file', async () => {
      await storage.put('empty', new Uint8Array(0));
      expect((await storage.stat('empty'))?.size).toBe(0);
      expect((await read('empty'))?.length).toBe(0);
    });

    it('a part of a file can be read', async () => {
      await storage.put('a', body);
      expect(await read('a', { offset: 500, length: 1000 })).toEqual(body.subarray(500, 1500));
      expect((await read('a', { offset: 5, length: 0 }))?.length).toBe(0);
    });

    it('what is not there is undefined, not an error', async () => {
      expect(await storage.stat('x/y')).toBeUndefined();
      expect(await storage.get('x/y')).toBeUndefined();
      expect(await storage.delete('x/y')).toBe(false);
      expect(await paths('x')).toEqual([]);
    });

    it.each([['in one piece'], ['in pieces']])('a wrong digest leaves nothing, %s', async (how) => {
      const wrong = how === 'in pieces' ? pieces(body, 1000) : body;
      await expect(storage.put('a', wrong, { sha256: 'f'.repeat(64) })).rejects.toMatchObject({
        code: 'ERR_INTEGRITY',
      });
      expect(await paths()).toEqual([]);
    });

    it('a wrong digest leaves the old file as it was', async () => {
      await storage.put('a', Buffer.from('old'));
      await expect(storage.put('a', pieces(body, 1000), { sha256: 'f'.repeat(64) })).rejects.toMatchObject({
        code: 'ERR_INTEGRITY',
      });
      expect(String(await read('a'))).toBe('old');
    });

    it('a body that breaks off leaves nothing', async () => {
      const broken = async function* (): AsyncGenerator<Uint8Array> {
        yield body.subarray(0, 10);
        await Promise.resolve();
        throw new Error('connection lost');
      };
      await expect(storage.put('a', broken())).rejects.toThrow('connection lost');
      expect(await paths()).toEqual([]);
    });

    it('an abort leaves nothing', async () => {
      const controller = new AbortController();
      const slow = async function* (): AsyncGenerator<Uint8Array> {
        yield body.subarray(0, 10);
        await Promise.resolve();
        controller.abort(new Error('enough'));
        yield body.subarray(10);
      };
      await expect(storage.put('a', slow(), { signal: controller.signal })).rejects.toThrow('enough');
      expect(await paths()).toEqual([]);
    });

    it('a second put replaces the first', async () => {
      await storage.put('a', Buffer.from('one'));
      await storage.put('a', Buffer.from('three'));
      expect(String(await read('a'))).toBe('three');
    });

    it('the list is in the order of the path bytes and knows folders', async () => {
      const files = ['b', 'a/b/c', 'a-/x', 'a/b-1', 'A/z', '1/a'];
      for (const file of files) await storage.put(file, Buffer.from(file));
      expect(await paths()).toEqual(['1/a', 'A/z', 'a-/x', 'a/b-1', 'a/b/c', 'b']);
      expect(await paths('a')).toEqual(['a/b-1', 'a/b/c']);
    });

    it('a deleted file is gone', async () => {
      await storage.put('a/b', body);
      expect(await storage.delete('a/b')).toBe(true);
      expect(await paths()).toEqual([]);
    });

    it.each(['../x', 'a/../../x', '/etc/x', 'a//b', '', '.', 'a/./b', 'a\0b'])(
      '%j is refused as a path',
      async (path) => {
        await expect(storage.put(path, body)).rejects.toMatchObject({ code: 'ERR_IO' });
      },
    );
  });
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}
