import { MirrorError } from '../errors.ts';

/** The longest path an archive entry may have, in bytes of UTF-8. */
const MAX_ENTRY_PATH_BYTES = 1024;

/**
 * Make sure that `entryPath` names a file below the folder it is extracted to, on every system: relative, `/` between the
 * parts, no empty, `.` or `..` part, no backslash, no drive letter, no control character, at most 1,024 bytes.
 *
 * @param where - what is being read or written, for the message
 * @returns `entryPath`, unchanged
 * @throws {MirrorError} ERR_INTEGRITY for any other path
 */
export function checkEntryPath(entryPath: string, where: string): string {
  const fault = faultOf(entryPath);
  if (fault === undefined) return entryPath;
  throw new MirrorError('ERR_INTEGRITY', `${where}: entry path ${JSON.stringify(entryPath.slice(0, 300))} ${fault}`);
}

function faultOf(entryPath: string): string | undefined {
  if (PLAIN_PATH.test(entryPath) && entryPath.length <= MAX_ENTRY_PATH_BYTES) return undefined;
  if (entryPath === '') return 'is empty';
  if (Buffer.byteLength(entryPath) > MAX_ENTRY_PATH_BYTES) return `is longer than ${MAX_ENTRY_PATH_BYTES} bytes`;
  if (LONE_SURROGATE.test(entryPath)) return 'is not well-formed Unicode';
  if (FORBIDDEN.test(entryPath)) return 'holds a backslash or a control character';
  if (DRIVE_LETTER.test(entryPath)) return 'begins with a drive letter';
  if (entryPath.startsWith('/')) return 'is absolute';
  const part = entryPath.split('/').find((each) => each === '' || each === '.' || each === '..');
  return part === undefined ? undefined : `has the part ${JSON.stringify(part)}`;
}

/** What almost every path looks like: parts of plain characters that do not begin with a dot. Checked first, for speed. */
const PLAIN_PATH = /^[A-Za-z0-9_+-][A-Za-z0-9_.+-]*(?:\/[A-Za-z0-9_+-][A-Za-z0-9_.+-]*)*$/;
const FORBIDDEN = /[\\\u0000-\u001f\u007f]/;
const LONE_SURROGATE = /\p{Surrogate}/u;
const DRIVE_LETTER = /^[A-Za-z]:/;
