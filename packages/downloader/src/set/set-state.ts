import { createReadStream } from 'node:fs';
import { MirrorError, readJsonLines } from '@mirror/core';
import type { Sha256 } from '@mirror/core';

/** What a receiver has of one crate after a set: its index file and its versions. */
export interface CrateState {
  readonly indexPath: string;
  readonly sha256: Sha256;
  /** Digest of the crate file by version. */
  readonly versions: Readonly<Record<string, Sha256>>;
}

/** Walks through a state beside a walk through an index: both are in the byte order of index paths. */
export interface StateWalk {
  /** The state of `indexPath`, or undefined when the receiver does not have it. What is passed over is told to `onGone`. */
  advanceTo(indexPath: string): Promise<CrateState | undefined>;
  /** Tell all the rest to `onGone`. */
  end(): Promise<void>;
}

/** A line of a state. */
export function formatCrateState({ indexPath, sha256, versions }: CrateState): string {
  return `${JSON.stringify({ index_path: indexPath, sha256, versions })}\n`;
}

/**
 * A walk through the state in `file`; undefined is the state of a receiver that has nothing. Memory does not grow with it.
 *
 * @param onGone - told of crates that are in the state and not asked for
 * @throws {MirrorError} ERR_INTEGRITY, later, for a line that is no state
 */
export function walkState(file: string | undefined, onGone: (state: CrateState) => void): StateWalk {
  const states = file === undefined ? undefined : readStates(file);
  let head: CrateState | undefined;
  let isStarted = false;
  const next = async (): Promise<void> => {
    const found = await states?.next();
    head = found === undefined || found.done === true ? undefined : found.value;
  };
  const start = async (): Promise<void> => {
    if (!isStarted) await next();
    isStarted = true;
  };
  return {
    advanceTo: async (indexPath) => {
      await start();
      while (head !== undefined && head.indexPath < indexPath) {
        onGone(head);
        await next();
      }
      if (head?.indexPath !== indexPath) return undefined;
      const found = head;
      await next();
      return found;
    },
    end: async () => {
      await start();
      for (; head !== undefined; await next()) onGone(head);
    },
  };
}

async function* readStates(file: string): AsyncGenerator<CrateState, undefined> {
  for await (const line of readJsonLines(createReadStream(file, { highWaterMark: 1 << 20 }))) {
    const {
      index_path: indexPath,
      sha256,
      versions,
    } = Object(line.ok ? line.value : undefined) as {
      readonly index_path?: string;
      readonly sha256?: Sha256;
      readonly versions?: CrateState['versions'];
    };
    if (indexPath === undefined || sha256 === undefined || versions === undefined)
      throw new MirrorError('ERR_INTEGRITY', `${file}:${String(line.line)}: expected the state of a crate`);
    yield { indexPath, sha256, versions };
  }
}
