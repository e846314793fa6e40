import { readFileSync } from 'node:fs';
import type { Log } from '@mirror/core';

/**
 * How many connections can be open at the same time: as many as `wanted`, or as the system's limit of open files allows when each of them is
 * sent a file. What is cut is logged.
 */
export function connectionLimit(wanted: number, log: Log, openFiles: number | undefined = openFileLimit()): number {
  if (openFiles === undefined) return wanted;
  const most = Math.max(1, Math.floor((openFiles - OWN_FILES) / FILES_PER_CONNECTION));
  if (wanted <= most) return wanted;
  log.warn('fewer connections than --max-connections: the limit of open files is low', {
    max_connections: most,
    wanted,
    open_files: openFiles,
    hint: `ulimit -n ${String(wanted * FILES_PER_CONNECTION + OWN_FILES)}, or LimitNOFILE= of the service`,
  });
  return most;
}

/** Log, index, bundles, event loop, threads. */
const OWN_FILES = 64;
/** A socket, and the file that is sent on it. */
const FILES_PER_CONNECTION = 2;

/** The limit that is in force, where the system tells: on Linux. */
function openFileLimit(): number | undefined {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
