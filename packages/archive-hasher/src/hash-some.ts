import { createReadBuffer } from '@mirror/core/read-buffer';
import { createHasher } from './algorithms.ts';
import type { Algorithm, EngineChoice } from './algorithms.ts';
import { hashFile, isHashed } from './hash-file.ts';
import type { FileOutcome, ReadOptions } from './hash-file.ts';
import type { TreePath } from './tree-path.ts';

/** When a thread that hashes files one after the other stops. */
export interface Enough {
  /** Milliseconds of work, as estimated by the costs of the algorithms; at least one file is hashed. */
  readonly ms: number;
  /** A file of so many milliseconds or more is not begun. */
  readonly fileMs: number;
}

/** Hash the first of the files, in their order, until it is enough: what became of them. None when the first one is too large. */
export type HashSome = (paths: readonly TreePath[], enough: Enough) => readonly FileOutcome[];

/** What hashes files in this thread: one hasher for each algorithm, and one buffer for all files. */
export async function createHashSome(
  algorithms: readonly Algorithm[],
  engine: EngineChoice,
  read: ReadOptions,
  onBytes: (count: number) => void,
): Promise<HashSome> {
  const hashers = await Promise.all(algorithms.map((algorithm) => createHasher(algorithm, engine)));
  const buffer = createReadBuffer(BUFFER_BYTES);
  const msOfByte = algorithms.reduce((sum, { cost }) => sum + cost, 0) / 1000 / 2 ** 20;
  return (paths, enough) => {
    const options = { ...read, hugeBytes: enough.fileMs / msOfByte };
    const outcomes: FileOutcome[] = [];
    let ms = 0;
    for (const path of paths) {
      const outcome = hashFile(path, hashers, buffer, options, onBytes);
      if (outcome === undefined) break;
      outcomes.push(outcome);
      ms += MS_OF_FILE + (isHashed(outcome) ? outcome.size * msOfByte : 0);
      if (ms > enough.ms) break;
    }
    return outcomes;
  };
}

/** Small enough to stay in a core's cache while one hasher after the other reads it. */
const BUFFER_BYTES = 1 << 19;
/** What opening, looking and closing takes. */
const MS_OF_FILE = 0.05;
