import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import path from 'node:path';

/** A folder for everything that a measurement makes. */
export interface Scratch {
  readonly directory: string;
  /** Whether it is on a memory file system. */
  readonly isMemory: boolean;
  readonly remove: () => void;
}

/** A new folder below `parent`, by default on the machine's memory file system where there is one. */
export function createScratch(parent: string | undefined): Scratch {
  const place = parent ?? (existsSync('/dev/shm') ? '/dev/shm' : '/tmp');
  const directory = mkdtempSync(path.join(path.resolve(place), 'mirror-bench-'));
  return {
    directory,
    isMemory: statfsSync(directory).type === TMPFS_MAGIC,
    remove: () => {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Run a built command of the workspace and parse the JSON line that it prints. */
export function runForJson(bin: string, args: readonly string[]): unknown {
  return JSON.parse(
    execFileSync(process.execPath, [bin, ...args], { stdio: ['ignore', 'pipe', 'inherit'] }).toString(),
  );
}

/** @see https://man7.org/linux/man-pages/man2/statfs.2.html */
const TMPFS_MAGIC = 0x01021994;
