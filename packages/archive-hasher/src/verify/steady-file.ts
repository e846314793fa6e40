import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
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
  close(): Promise<void>;
}

/**
 * Open a file once, so that another one in its place is never read, and compare the digests of all readings, so that a change of its content
 * is noticed: what was checked by the first reading is what the next ones give.
 *
 * @throws {MirrorError} ERR_IO when it cannot be opened or is no regular file
 */
export async function openSteadyFile(name: string, what: string): Promise<SteadyFile> {
  const handle = await open(name, 'r').catch((cause: unknown) => {
    throw new MirrorError('ERR_IO', `cannot read ${name}, which should be ${what}: ${messageOf(cause)}`, { cause });
  });
  if (!(await handle.stat()).isFile()) {
    await handle.close();
    throw new MirrorError('ERR_IO', `there is no file ${name}, which should be ${what}`);
  }
  let first: string | undefined;
  return {
    name,
    async *chunks() {
      const hash = createHash('sha256');
      const buffers = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)] as const;
      let position = 0;
      for (let turn = 0; ; turn = 1 - turn) {
        const { bytesRead, buffer } = await handle.read(buffers[turn as 0 | 1], 0, CHUNK_BYTES, position);
        if (bytesRead === 0) break;
        position += bytesRead;
        const chunk = buffer.subarray(0, bytesRead);
        hash.update(chunk);
        yield chunk;
      }
      const digest = hash.digest('hex');
      first ??= digest;
      if (digest !== first) throw new MirrorError('ERR_INTEGRITY', `${name} was changed while it was read`);
    },
    close: () => handle.close(),
  };
}

const CHUNK_BYTES = 1 << 20;
