import type { CrateSieveOptions } from './crate-sieve.ts';
import type { IndexPlace } from './index-source.ts';

/** What a reading thread is told when it starts. */
export interface WorkerTask {
  readonly place: IndexPlace;
  /** Folders at the top of the index; every thread takes the next one that none has. */
  readonly folders: readonly string[];
  readonly withText: boolean;
  /** What the thread leaves out. */
  readonly sieve: CrateSieveOptions | undefined;
  /** Which thread this is, from 0. */
  readonly worker: number;
  /** 32-bit numbers; see {@link SLOT}. */
  readonly shared: SharedArrayBuffer;
}

/** The numbers that the threads share. */
export const SLOT = {
  /** The next folder to take. */
  nextFolder: 0,
  /** 1 when all have to end. */
  isStopped: 1,
  /** For each thread from here on: how many bytes it has sent that nobody took yet. */
  held: 2,
} as const;

/** How many bytes a thread may be ahead of the reader. */
export const MAX_HELD_BYTES: number = 2 * 2 ** 20;

/** What a thread sends: some records of a folder, the end of a folder, or why it gave up. */
export type WorkerMessage =
  | { readonly folder: number; readonly bytes: Uint8Array }
  | { readonly folder: number; readonly ignored: number }
  | { readonly error: string; readonly code: string | undefined };
