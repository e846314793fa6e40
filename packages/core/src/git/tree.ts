import { MirrorError } from '../errors.ts';

/** One name in a folder of the index. */
export interface TreeEntry {
  readonly name: string;
  readonly isFolder: boolean;
  /** Octal text as git stores it: `40000`, `100644` or `100755`. */
  readonly mode: string;
  readonly id: string;
}

/** Gives the bytes of the tree object `id`. */
export type ReadTree = (id: string) => Buffer;

/** Deeper folders than this are refused; the index needs three. */
export const MAX_FOLDER_DEPTH = 16;

/**
 * Read one tree object: its entries in git's order, which is the order of their full paths.
 *
 * Names that could leave the folder or that one of the common systems cannot hold are refused, and so is everything
 * but plain files and folders: a symbolic link or a submodule has no place in an index.
 *
 * @throws {MirrorError} ERR_INTEGRITY
 */
export function parseTree(bytes: Buffer, where: string): TreeEntry[] {
  const entries: TreeEntry[] = [];
  let previous = '';
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const zero = bytes.indexOf(0, space);
    if (space < 0 || space - at > 6 || zero < 0 || zero + 21 > bytes.length) throw refuse(where, 'is no tree');
    const mode = bytes.toString('latin1', at, space);
    const name = bytes.toString('utf8', space + 1, zero);
    const isFolder = mode === '40000';
    if (!isFolder && mode !== '100644' && mode !== '100755')
      throw refuse(`${where}${name}`, `has mode ${mode}, expected a file or a folder`);
    checkName(name, where);
    const key = isFolder ? `${name}/` : name;
    if (key <= previous) throw refuse(`${where}${name}`, 'is out of order');
    previous = key;
    entries.push({ name, isFolder, mode, id: bytes.toString('hex', zero + 1, zero + 21) });
    at = zero + 21;
  }
  return entries;
}

/** Called for each file below a tree, in path order. */
export type VisitFile = (path: string, id: string, mode: string) => void;

/**
 * Visit every file below the tree `rootId` in path order (by bytes), from the top.
 *
 * @throws {MirrorError} ERR_INTEGRITY for a missing tree, a bad name, or folders deeper than `MAX_FOLDER_DEPTH`
 */
export function walkTree(read: ReadTree, rootId: string, visit: VisitFile): void {
  const enter = (id: string, prefix: string, depth: number): void => {
    if (depth > MAX_FOLDER_DEPTH) throw refuse(prefix, `is deeper than ${MAX_FOLDER_DEPTH} folders`);
    for (const entry of parseTree(read(id), prefix)) {
      if (entry.isFolder) enter(entry.id, `${prefix}${entry.name}/`, depth + 1);
      else visit(prefix + entry.name, entry.id, entry.mode);
    }
  };
  enter(rootId, '', 0);
}

// printable ASCII without what Windows or a shell gives a meaning
const PLAIN_NAME = /^[A-Za-z0-9._+~@#%&=,!'()[\]{}^$; -]{1,255}$/;
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions
const DEVICE_NAME = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)(?:\..*)?$/i;
const REPOSITORY_NAME = /^(?:\.git|git~\d+)$/i;

function checkName(name: string, where: string): void {
  if (name === '.' || name === '..' || !PLAIN_NAME.test(name) || /[. ]$/.test(name)) {
    throw refuse(where + JSON.stringify(name), 'cannot be a file name everywhere');
  }
  if (DEVICE_NAME.test(name)) throw refuse(where + name, 'is the name of a device on Windows');
  if (REPOSITORY_NAME.test(name)) throw refuse(where + name, 'would stand for the repository itself');
}

function refuse(where: string, what: string): MirrorError {
  return new MirrorError('ERR_INTEGRITY', `git tree: ${where === '' ? 'the root' : where} ${what}`);
}
