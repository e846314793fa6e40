import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { MirrorError, messageOf } from '@mirror/core/errors';

/** A file that is read several times and must be the same each time. */
export interface SteadyFile {
  readonly name: string;
  /**
   * Its bytes from the beginning. At the end of the second and each later reading they are compared with those of the first.
   *
   * @throws {MirrorError} ERR_INTEGRITY when the file has changed meanwhile
   */
  chunks(): AsyncGenerator<Buffer>;
  /** SHA-256 of the first reading, once that is over. */
  digest(): string | undefined;
  /** It is open by this one. */
  readonly handle: FileHandle;
  close(): Promise<void>;
}

/**
 * Open a file once, so that another one in its place is never read, and compare the digests of all readings, so that a change of its content
 * is noticed: what was checked by the first reading is what the next ones give.
 *
 * @throws {MirrorError} ERR_IO when it cannot be opened or is no regular file
 */
export async function openSteadyFile(name: string, what: string): Promise<SteadyFile> {
  const handle = await open(name, O_RDONLY | O_NONBLOCK).catch((cause: unknown) => {
    throw new MirrorError('ERR_IO', `cannot read ${name}, which should be ${what}: ${messageOf(cause)}`, { cause });
  });
  if (!(await handle.stat()).isFile()) {
    await handle.close();
    throw new MirrorError('ERR_IO', `there is no file ${name}, which should be ${what}`);
  }
  return { ...steadyRange(handle, name), handle, close: () => handle.close() };
}

/** A part of an open file, by default all of it, that must be the same each time it is read. */
export function steadyRange(
  handle: FileHandle,
  name: string,
  from = 0,
  length = Infinity,
): Pick<SteadyFile, 'name' | 'chunks' | 'digest'> {
  let first: string | undefined;
  return {
    name,
    digest: () => first,
    async *chunks() {
      const hash = createHash('sha256');
      const buffers = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)] as const;
      let done = 0;
      for (let turn = 0; done < length; turn = 1 - turn) {
        const wanted = Math.min(CHUNK_BYTES, length - done);
        const { bytesRead, buffer } = await handle.read(buffers[turn as 0 | 1], 0, wanted, from + done);
        if (bytesRead === 0) break;
        done += bytesRead;
        const chunk = buffer.subarray(0, bytesRead);
        hash.update(chunk);
        yield chunk;
      }
      const digest = hash.digest('hex');
      first ??= digest;
      if (digest !== first) throw new MirrorError('ERR_INTEGRITY', `${name} was changed while it was read`);
    },
  };
}

// not blocked by a fifo that was put in its place; Windows has no such flag
const { O_RDONLY, O_NONBLOCK = 0 } = constants as { readonly O_RDONLY: number; readonly O_NONBLOCK?: number };
const CHUNK_BYTES = 1 << 20;
