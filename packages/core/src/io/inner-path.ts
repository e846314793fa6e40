import { MirrorError } from '../errors.ts';

/**
 * Check that `file` names a place below a folder and nowhere else, on every system: `/` between its parts, no part empty, `.` or `..`,
 * no drive, backslash or control character, no part that a file system would cut. This is the second line of defence: paths
 * are made from checked names, and whoever writes checks them again here.
 *
 * @throws {MirrorError} ERR_IO, before the disk is touched
 */
export function checkInnerPath(file: string): void {
  // one expression for the millions that are plain: letters, digits and `-_.+~` with single slashes, no part that begins with a dot
  if (PLAIN.test(file) && file.length <= MAX_PART_BYTES) return;
  const fault = faultOf(file);
  if (fault === undefined) return;
  throw new MirrorError('ERR_IO', `refusing to write ${JSON.stringify(file.slice(0, SHOWN_CHARACTERS))}: ${fault}`, {
    cause: Object.assign(new Error(fault), { code: 'EINVAL' }), // the trouble of one item, as a name that the disk refuses
    hint: 'this path does not come from a valid crate name or layout',
  });
}

function faultOf(file: string): string | undefined {
  if (file === '') return 'the path is empty';
  if (Buffer.byteLength(file) > MAX_PATH_BYTES) return `the path is longer than ${String(MAX_PATH_BYTES)} bytes`;
  if (file.startsWith('/')) return 'the path is absolute';
  if (/^[a-z]:/i.test(file)) return 'the path names a drive';
  if (file.includes('\\')) return 'the path holds a backslash';
  if (CONTROL.test(file)) return 'the path holds a control character';
  if (/\p{Surrogate}/u.test(file)) return 'the path is not valid Unicode';
  for (const part of file.split('/')) {
    if (part === '' || part === '.' || part === '..') return `the path has the part ${JSON.stringify(part)}`;
    if (Buffer.byteLength(part) > MAX_PART_BYTES) return `a part is longer than ${String(MAX_PART_BYTES)} bytes`;
  }
  return undefined;
}

const PLAIN = /^[\w+~-][\w.+~-]*(?:\/[\w+~-][\w.+~-]*)*$/;
// C0, DEL, C1, and what starts a new line or turns the direction of a text that people read
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const MAX_PART_BYTES = 255;
const MAX_PATH_BYTES = 4000;
const SHOWN_CHARACTERS = 200;
