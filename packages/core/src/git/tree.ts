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

/** Called with the path of an item that is left out, and what is odd about it. */
export type OnOdd = (path: string, reason: string) => void;

/**
 * Read one tree object: its entries in git's order, which is the order of their full paths.
 *
 * Odd items are left out and reported, each for itself: names that could leave the folder or that a common system cannot
 * hold, names that differ by case alone (one of them stays, the lower-case one if there is one), and everything but plain
 * files and folders, such as symbolic links and submodules. So nothing dangerous gets past this function.
 *
 * @throws {MirrorError} ERR_INTEGRITY when the bytes are no tree
 */
export function parseTree(bytes: Buffer, where: string, onOdd: OnOdd = () => undefined): TreeEntry[] {
  const kept = new Map<string, TreeEntry>();
  const odd = new Map<string, string>();
  for (const entry of readTree(bytes, where)) {
    const reason = oddityOf(entry);
    if (reason !== undefined) {
      odd.set(entry.name, reason);
      continue;
    }
    const folded = entry.name.toLowerCase();
    const twin = kept.get(folded);
    if (twin !== undefined && (twin.name === folded || entry.name !== folded)) {
      odd.set(entry.name, `has the same name as ${where}${twin.name} but for the case of its letters`);
      continue;
    }
    if (twin !== undefined) {
      odd.set(twin.name, `has the same name as ${where}${entry.name} but for the case of its letters`);
      kept.delete(folded);
    }
    kept.set(folded, entry);
  }
  for (const [name, reason] of odd) onOdd(where + printable(name), reason);
  return [...kept.values()];
}

/**
 * Every entry of a tree object, odd ones included, in git's order. For what must be complete and writes no file: names are
 * the bytes of the tree, one character each.
 *
 * @throws {MirrorError} ERR_INTEGRITY when the bytes are no tree
 */
export function readTree(bytes: Buffer, where: string): TreeEntry[] {
  const entries: TreeEntry[] = [];
  let previous = '';
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const zero = bytes.indexOf(0, space);
    if (space < 0 || space - at > 6 || zero < 0 || zero + 21 > bytes.length) throw refuse(where, 'is no tree');
    const written = bytes.toString('latin1', at, space);
    const mode = written === GROUP_WRITABLE ? '100644' : written;
    const name = bytes.toString('latin1', space + 1, zero);
    const isFolder = mode === '40000';
    const key = isFolder ? `${name}/` : name;
    if (key <= previous) throw refuse(where + printable(name), 'is out of order');
    previous = key;
    entries.push({ name, isFolder, mode, id: bytes.toString('hex', zero + 1, zero + 21) });
    at = zero + 21;
  }
  return entries;
}

// what the first versions of git wrote; they mean a plain file all the same
const GROUP_WRITABLE = '100664';

/** Called for each file below a tree, in path order. */
export type VisitFile = (path: string, id: string, mode: string) => void;

/**
 * Visit every file below the tree `rootId` in path order (by bytes), from the top; `parseTree` says what is left out.
 *
 * @throws {MirrorError} ERR_INTEGRITY for a missing or damaged tree, or folders deeper than `MAX_FOLDER_DEPTH`
 */
export function walkTree(read: ReadTree, rootId: string, visit: VisitFile, onOdd?: OnOdd): void {
  const enter = (id: string, prefix: string, depth: number): void => {
    if (depth > MAX_FOLDER_DEPTH) throw refuse(prefix, `is deeper than ${MAX_FOLDER_DEPTH} folders`);
    for (const entry of parseTree(read(id), prefix, onOdd)) {
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

const MODES: Readonly<Record<string, string>> = {
  120000: 'is a symbolic link',
  160000: 'is a submodule, another repository',
};

function oddityOf({ name, mode, isFolder }: TreeEntry): string | undefined {
  if (REPOSITORY_NAME.test(name)) return 'would stand for the repository itself';
  if (name === '.' || name === '..' || !PLAIN_NAME.test(name) || /[. ]$/.test(name))
    return 'has a name that not every system can hold';
  if (process.platform === 'win32' && DEVICE_NAME.test(name)) return 'has the name of a device';
  if (isFolder || mode === '100644' || mode === '100755') return undefined;
  return MODES[mode] ?? `has mode ${mode}, expected a file or a folder`;
}

// names are bytes: mostly UTF-8, and shown on a terminal
function printable(name: string): string {
  const text = JSON.stringify(Buffer.from(name, 'latin1').toString('utf8')).slice(1, -1);
  return text.replace(/[\x7f-\x9f]/g, (control) => `\\x${control.charCodeAt(0).toString(16)}`);
}

function refuse(where: string, what: string): MirrorError {
  return new MirrorError('ERR_INTEGRITY', `git tree: ${where === '' ? 'the root' : where} ${what}`);
}
