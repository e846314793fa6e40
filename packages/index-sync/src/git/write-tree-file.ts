import { constants, fstatSync, closeSync, openSync, type BigIntStats } from 'node:fs';
import path from 'node:path';
import { writeAll } from '@mirror/core/io';

// a link that lies where a file belongs must not lead the bytes elsewhere; Windows has no such flag
const NO_LINK = constants.O_NOFOLLOW ?? 0;
const FRESH = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | NO_LINK;

/**
 * Write one file of a first checkout in place. A run that is killed in between leaves it half written; the note of the
 * unfinished checkout makes the next run write it again.
 */
export function writeFreshFile(
  workTree: string,
  relative: string,
  data: Uint8Array,
  isExecutable: boolean,
): BigIntStats {
  const fd = openSync(path.join(workTree, relative), FRESH, isExecutable ? 0o777 : 0o666);
  try {
    writeAll(fd, data);
    return fstatSync(fd, { bigint: true });
  } finally {
    closeSync(fd);
  }
}
