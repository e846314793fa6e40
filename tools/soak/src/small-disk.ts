import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** A folder that is a disk of its own, where the machine allows it. */
export interface SmallDisk {
  readonly dir: string;
  /** Give it another size in bytes; undefined when the folder is a plain one. */
  readonly limit: ((bytes: number) => void) | undefined;
  unmount(): void;
}

/** Mount a file system in memory at `dir`; a plain folder where that is not allowed. */
export function mountSmallDisk(dir: string, bytes: number): SmallDisk {
  mkdirSync(dir, { recursive: true });
  const size = (wanted: number): string => `size=${String(Math.ceil(wanted / 1024))}k`;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `${size(bytes)},nr_inodes=0`, 'tmpfs', dir], { stdio: 'ignore' });
  } catch {
    return { dir, limit: undefined, unmount: () => undefined };
  }
  return {
    dir,
    limit: (wanted) => {
      execFileSync('mount', ['-o', `remount,${size(wanted)}`, dir]);
    },
    unmount: () => {
      execFileSync('umount', [dir]);
    },
  };
}
