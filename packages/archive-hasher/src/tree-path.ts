import path from 'node:path';

/**
 * How a path inside a tree is written, in memory and in reports: relative, with `/` between the names.
 *
 * A path that is not valid UTF-8 (file systems of Unix allow any bytes) is written as `//` and the bytes
 * percent-encoded: `//caf%E9`. No relative path begins with a slash, so the two forms cannot be mistaken for each other.
 */
export type TreePath = string;

const ENCODED = '//';

/** The name that `bytes` are, as text; undefined when they are not valid UTF-8. */
export function decodeName(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The path of the entry `name` (raw bytes when it is not valid UTF-8) in the directory `parent` ('' is the root). */
export function childPath(parent: TreePath, name: string | Uint8Array): TreePath {
  if (typeof name === 'string' && !parent.startsWith(ENCODED)) return parent === '' ? name : `${parent}/${name}`;
  const bytes = typeof name === 'string' ? Buffer.from(name) : name;
  return encode(parent === '' ? bytes : Buffer.concat([pathBytes(parent), SLASH, bytes]));
}

/** The bytes that the file system knows the path by. */
export function pathBytes(tree: TreePath): Buffer {
  if (!tree.startsWith(ENCODED)) return Buffer.from(tree);
  return Buffer.from(
    tree.slice(ENCODED.length).replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  );
}

/** What to open: the path below the directory `root`, as bytes where text cannot say it. */
export function systemPath(root: string, tree: TreePath): string | Buffer {
  if (!tree.startsWith(ENCODED)) return `${root}/${tree}`; // a slash is good on Windows too
  return Buffer.concat([Buffer.from(root), Buffer.from(path.sep), pathBytes(tree)]);
}

/** Whether `path` lies in the directory `dir`, however deep. */
export function isWithin(path: TreePath, dir: TreePath): boolean {
  if (isText(path) && isText(dir)) return path.length > dir.length && path[dir.length] === '/' && path.startsWith(dir);
  const [inner, outer] = [pathBytes(path), Buffer.concat([pathBytes(dir), SLASH])];
  return inner.subarray(0, outer.length).equals(outer);
}

/** Whether the path is valid UTF-8, so that archives can name it. */
export function isText(tree: TreePath): boolean {
  return !tree.startsWith(ENCODED);
}

/** Whether `tree` is a path that a report may name: no empty, `.` or `..` part, no NUL, and in its one written form. */
export function isTreePath(tree: string): boolean {
  const bytes = pathBytes(tree);
  if (!isText(tree) && (decodeName(bytes) !== undefined || encode(bytes) !== tree)) return false;
  return (
    !bytes.includes(0) &&
    bytes
      .toString('latin1')
      .split('/')
      .every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

/** How the target of a link is written: as a path is, but that one which begins like an encoded text is encoded too. */
export function writeTarget(bytes: Buffer): string {
  const text = decodeName(bytes);
  return text === undefined || text.startsWith(ENCODED) ? encode(bytes) : text;
}

/** The bytes of a target that `writeTarget` has written. Until 0.1 targets that begin with `//` were written as they are. */
export function targetBytes(target: string): Buffer {
  const bytes = pathBytes(target);
  const isOld = !isText(target) && decodeName(bytes)?.startsWith(ENCODED) === false;
  return isOld ? Buffer.from(target) : bytes;
}

/** The order of the bytes: that of `LC_ALL=C sort`. */
export function comparePaths(a: TreePath, b: TreePath): number {
  if (isText(a) && isText(b)) return compareText(a, b);
  return Buffer.compare(pathBytes(a), pathBytes(b));
}

/** UTF-16 sorts like UTF-8 but for surrogates, which belong after the rest of the basic plane. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const [highX, highY] = [isSurrogate(x), isSurrogate(y)];
    return highX === highY ? x - y : highX ? 1 : -1;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

/** ASCII but for `%` and control characters stays readable. */
function encode(bytes: Uint8Array): TreePath {
  let text = ENCODED;
  for (const byte of bytes) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x25;
    text += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const SLASH = Buffer.from('/');
