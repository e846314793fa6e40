import {
  copyFile,
  link,
  lstat,
  mkdir,
  readFile,
  readlink,
  realpath,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import {
  MirrorError,
  createLocalStorage,
  entriesOf,
  ifThereAsync,
  layoutPath,
  messageOf,
  silentLog,
  systemCodeOf,
} from '@mirror/core';
import { renameOver } from '@mirror/core/io';
import type { LocalStorage, Log } from '@mirror/core';
import type { Mirror } from '../app/mirror.ts';
import type { Body } from '../http/answer.ts';
import { configJson } from '../registry/config-json.ts';
import { isDamage } from '../registry/crate-files.ts';
import { openIndexFiles } from '../registry/index-files.ts';
import { exportPage } from './export-page.ts';
import { nginxConfig } from './nginx-config.ts';

/** How crate files get into the tree. */
export const LINKS = ['hard', 'symbolic', 'copy'] as const;
/** One of {@link LINKS}. */
export type Link = (typeof LINKS)[number];

/** What is exported, and where to. */
export interface ExportOptions {
  readonly mirror: Mirror;
  /** Folder of the tree; made if it is not there. */
  readonly dir: string;
  /** Where a web server will offer the tree, without a slash at the end. */
  readonly publicUrl: string;
  /** Default `hard`; where that cannot be made, a copy. What lies in a bundle is always a copy. */
  readonly link?: Link;
  readonly signal?: AbortSignal;
  readonly log?: Log;
  /** Called after each crate. */
  readonly onCrate?: (counts: ExportCounts) => void;
}

/** What has been done so far. */
export interface ExportCounts {
  readonly crates: number;
  readonly versions: number;
  /** Crate files put into the tree by this run. */
  readonly placed: number;
  /** Crate files that were there already. */
  readonly kept: number;
  /** Versions of the index whose file the mirror does not have. */
  readonly missing: number;
  /** Files of the mirror that are not what the index promises; they are not exported. */
  readonly corrupt: number;
  /** Index files written, and index files removed since their crate is gone. */
  readonly indexWritten: number;
  readonly indexRemoved: number;
}

/**
 * Write `index/…`, `crates/se/rd/serde-1.0.0.crate`, `config.json`, a start page and `nginx.conf` below `dir`, so that a plain web
 * server is a registry for cargo. A crate's files come before its index file, and `config.json` last, so cargo never reads of a file that is
 * not there yet. Each file is put in place in one step. A second run does only what changed; a run that was stopped is completed by the next.
 *
 * @throws {MirrorError} ERR_IO when `dir` cannot be written; ERR_CONFIG when its name cannot stand in a configuration of nginx; the
 *   signal's reason when aborted
 */
export async function exportStatic(options: ExportOptions): Promise<ExportCounts> {
  const { mirror, publicUrl, signal, onCrate } = options;
  const storage = createLocalStorage(options.dir);
  const dir = storage.root;
  const nginx = nginxConfig(dir, new URL(publicUrl).pathname);
  const counts: Mutable<ExportCounts> = {
    crates: 0,
    versions: 0,
    placed: 0,
    kept: 0,
    missing: 0,
    corrupt: 0,
    indexWritten: 0,
    indexRemoved: 0,
  };
  for await (const indexPath of mirror.files.paths()) {
    signal?.throwIfAborted();
    const page = await mirror.index.find(indexPath);
    if (page === undefined) continue;
    for (const { name, vers, cksum } of entriesOf(indexPath, page.bytes).entries) {
      counts.versions++;
      counts[await placeCrate(options, storage, { name, vers, cksum })]++;
    }
    if (await writeIfOther(path.join(dir, 'index', indexPath), page.bytes)) counts.indexWritten++;
    counts.crates++;
    onCrate?.(counts);
  }
  counts.indexRemoved = await removeGone(dir, mirror);
  const page = exportPage(publicUrl);
  await writeIfOther(path.join(dir, 'index.html'), page.html);
  await writeIfOther(path.join(dir, 'style.css'), page.style);
  await writeIfOther(path.join(dir, 'favicon.svg'), page.favicon);
  await writeIfOther(path.join(dir, 'nginx.conf'), Buffer.from(nginx));
  // the folders keep the case of nothing: cargo asks for them in lower case
  const dl = `${publicUrl}/crates/{lowerprefix}/{crate}-{version}.crate`;
  await writeIfOther(path.join(dir, 'index', 'config.json'), Buffer.from(configJson({ dl })));
  return counts;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Crate {
  readonly name: string;
  readonly vers: string;
  readonly cksum: string;
}

async function placeCrate(
  { mirror, link: how = 'hard', log = silentLog }: ExportOptions,
  storage: LocalStorage,
  crate: Crate,
): Promise<'placed' | 'kept' | 'missing' | 'corrupt'> {
  const relative = `crates/${layoutPath('cargo', crate.name, crate.vers)}`;
  const target = path.join(storage.root, relative);
  const found = await mirror.crates.looseFile(crate);
  const source = found === undefined ? undefined : await realpath(found);
  if (await isPlaced(target, source, how, crate, mirror)) return 'kept';
  try {
    const body = await mirror.crates.find(crate);
    if (body === undefined) {
      await rm(target, { force: true });
      return 'missing';
    }
    if (source === undefined) await storage.put(relative, piecesOf(body), { sha256: crate.cksum });
    else await placeFile(source, target, how);
    return 'placed';
  } catch (error) {
    if (!isDamage(error)) throw error;
    log.error('a file of the mirror is damaged', { error: error.message, hint: error.hint });
    await rm(target, { force: true });
    return 'corrupt';
  }
}

/** Whether the tree has the file as this run would leave it. Only the first run reads it. */
async function isPlaced(
  target: string,
  source: string | undefined,
  how: Link,
  crate: Crate,
  mirror: Mirror,
): Promise<boolean> {
  const there = await ifThereAsync(lstat(target));
  if (there === undefined) return false;
  if (source === undefined) return there.isFile() && there.size === (await mirror.crates.sizeOf(crate));
  if (how === 'symbolic') return there.isSymbolicLink() && (await readlink(target)) === source;
  const original = await lstat(source);
  if (!there.isFile() || there.size !== original.size) return false;
  return there.ino === original.ino || Math.abs(there.mtimeMs - original.mtimeMs) < 1000;
}

async function placeFile(source: string, target: string, how: Link): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true });
  const part = `${target}.part`;
  await rm(part, { force: true });
  if (how === 'symbolic') await symlink(source, part);
  else if (how === 'copy' || !(await isLinked(source, part))) await copyWithTime(source, part);
  renameOver(part, target);
  // renaming one name of a file onto another name of the same file does nothing
  await rm(part, { force: true });
}

async function isLinked(source: string, part: string): Promise<boolean> {
  try {
    await link(source, part);
    return true;
  } catch (error) {
    if (['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(systemCodeOf(error) ?? ''))
      return false;
    throw error;
  }
}

async function copyWithTime(source: string, part: string): Promise<void> {
  await copyFile(source, part);
  const { atime, mtime } = await lstat(source);
  await utimes(part, atime, mtime);
}

async function* piecesOf({ bytes, read, size }: Body): AsyncGenerator<Uint8Array> {
  if (bytes !== undefined) yield bytes;
  else if (read !== undefined && size > 0) yield* read({ start: 0, end: size - 1 });
}

/** True when it had to be written. */
async function writeIfOther(file: string, bytes: Buffer): Promise<boolean> {
  const old = await ifThereAsync(readFile(file));
  if (old?.equals(bytes) === true) return false;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(`${file}.part`, bytes);
    renameOver(`${file}.part`, file);
    return true;
  } catch (cause) {
    throw new MirrorError('ERR_IO', `cannot write ${file}: ${messageOf(cause)}`, { cause });
  }
}

async function removeGone(dir: string, mirror: Mirror): Promise<number> {
  let removed = 0;
  const exported = path.join(dir, 'index');
  if ((await ifThereAsync(lstat(exported))) === undefined) return 0;
  const gone: string[] = [];
  for await (const indexPath of openIndexFiles(exported).paths()) {
    if ((await mirror.index.find(indexPath)) === undefined) gone.push(indexPath);
  }
  for (const indexPath of gone) {
    await rm(path.join(exported, indexPath));
    removed++;
  }
  return removed;
}
