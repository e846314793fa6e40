import { parseTree, type ReadTree } from '@mirror/core/git';

/** A folder as the index's `TREE` extension knows it. */
interface CachedFolder {
  readonly name: string;
  readonly id: string;
  readonly files: number;
  readonly folders: ReadonlyMap<string, CachedFolder>;
  /** The folder and all below it as they stand in the extension. */
  readonly bytes: Buffer;
}

/** The `TREE` extension of an index. */
export interface CacheTree {
  /** With its header, as it stands in the file. */
  readonly bytes: Buffer;
  /** How many entries the index has when it agrees with the tree; undefined when items of the tree were left out of it. */
  readonly files: number | undefined;
}

/**
 * The `TREE` extension for the tree `rootId`. With it git compares its index with a commit without reading the folders of
 * the commit. What `old` says of unchanged folders is taken over, so only changed ones are read. A folder with items that
 * are left out is marked as unknown, as all above it: git then compares it entry by entry.
 *
 * @param old - the extension before, without its header; undefined for none
 * @see https://git-scm.com/docs/index-format#_cache_tree
 */
export function cacheTree(read: ReadTree, rootId: string, old: Buffer | undefined): CacheTree {
  const before = old === undefined ? undefined : parseCacheTree(old);
  const pieces: Buffer[] = [];
  const files = addFolder(read, rootId, '', before, pieces);
  const body = Buffer.concat(pieces);
  const header = Buffer.from('TREE\0\0\0\0', 'latin1');
  header.writeUInt32BE(body.length, 4);
  return { bytes: Buffer.concat([header, body]), files };
}

/** What the extension `bytes`, without its header, says of the whole index. */
export function rootOfCacheTree(
  bytes: Buffer | undefined,
): { readonly id: string; readonly files: number } | undefined {
  return bytes === undefined ? undefined : parseCacheTree(bytes);
}

// gives the number of files below; undefined when something in it is left out
function addFolder(
  read: ReadTree,
  id: string,
  name: string,
  before: CachedFolder | undefined,
  pieces: Buffer[],
): number | undefined {
  if (before?.id === id) {
    pieces.push(before.bytes);
    return before.files;
  }
  const at = pieces.push(Buffer.alloc(0)) - 1; // the number of files comes first and is known last
  let isWhole = true;
  const entries = parseTree(read(id), `${name}/`, () => (isWhole = false));
  const folders = entries
    .filter((entry) => entry.isFolder)
    .sort((a, b) => a.name.length - b.name.length || (a.name < b.name ? -1 : 1));
  let files = entries.length - folders.length;
  for (const folder of folders) {
    const below = addFolder(read, folder.id, folder.name, before?.folders.get(folder.name), pieces);
    if (below === undefined) isWhole = false;
    else files += below;
  }
  const head = Buffer.from(`${name}\0${isWhole ? files : -1} ${folders.length}\n`);
  pieces[at] = isWhole ? Buffer.concat([head, Buffer.from(id, 'hex')]) : head;
  return isWhole ? files : undefined;
}

function parseCacheTree(bytes: Buffer): CachedFolder | undefined {
  let at = 0;
  const parse = (depth: number): CachedFolder | undefined => {
    const start = at;
    const zero = bytes.indexOf(0, at);
    const line = bytes.indexOf(0x0a, zero);
    const counts = /^(-?\d+) (\d+)$/.exec(bytes.toString('latin1', zero + 1, Math.max(zero + 1, line)));
    if (zero < 0 || line < 0 || counts === null || depth > 32) return undefined;
    const files = Number(counts[1]);
    at = line + 1 + (files < 0 ? 0 : 20);
    if (at > bytes.length) return undefined;
    const id = files < 0 ? '' : bytes.toString('hex', line + 1, line + 21); // git marks what it touched with -1
    const folders = new Map<string, CachedFolder>();
    for (let n = Number(counts[2]); n > 0; n--) {
      const folder = parse(depth + 1);
      if (folder === undefined) return undefined;
      folders.set(folder.name, folder);
    }
    return { name: bytes.toString('utf8', start, zero), id, files, folders, bytes: bytes.subarray(start, at) };
  };
  return parse(0);
}
