import { open, type FileHandle } from 'node:fs/promises';
import { EMPTY_OR_NEW, IN_PLACE } from '../io/no-follow.ts';
import { removeIfThere } from './publish.ts';

/** Keeps what is in the open frame on disk, so that a flush need not close a frame that is not full. */
export interface TailFile {
  /** Have `content`, the bytes of the open frame number `frame`, on disk and durable. Writes only what is new. */
  save(frame: number, content: Buffer): Promise<void>;
  /** Remove the tails of frames that are complete. Call it when those are durable. */
  removeOld(frame: number): Promise<void>;
  /** Remove all tails. */
  removeAll(): Promise<void>;
  /** Close the file that is open, if any. */
  close(): Promise<void>;
}

/**
 * The tail files of one bundle.
 *
 * @param nameOf - the file for a frame number
 * @param saved - the tail that an earlier writer left: its frame and how many bytes it has
 */
export function createTailFile(nameOf: (frame: number) => string, saved: { frame: number; bytes: number }): TailFile {
  const onDisk = new Set<number>(saved.bytes > 0 ? [saved.frame] : []);
  let { frame: current, bytes: savedBytes } = saved;
  let handle: FileHandle | undefined;

  const close = async (): Promise<void> => {
    await handle?.close();
    handle = undefined;
  };

  const removeOld = async (frame: number): Promise<void> => {
    for (const old of [...onDisk].filter((each) => each < frame)) {
      await removeIfThere(nameOf(old));
      onDisk.delete(old);
    }
  };

  return {
    async save(frame, content) {
      if (frame !== current) {
        await close();
        current = frame;
        savedBytes = 0;
      }
      if (content.length === savedBytes) return;
      handle ??= await open(nameOf(frame), savedBytes === 0 ? EMPTY_OR_NEW : IN_PLACE);
      onDisk.add(frame);
      for (const fresh = content.subarray(savedBytes); savedBytes < content.length;) {
        const { bytesWritten } = await handle.write(
          fresh,
          fresh.length - (content.length - savedBytes),
          content.length - savedBytes,
          savedBytes,
        );
        savedBytes += bytesWritten;
      }
      await handle.datasync();
    },
    removeOld,
    removeAll: () => removeOld(Infinity),
    close,
  };
}
