import { lstatSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { readdir } from 'node:fs/promises';
import { MirrorError, entriesOf, ifThere, ifThereAsync, messageOf, sha256File } from '@mirror/core';
import { readPlainFile } from '@mirror/core/io';
import { LIST_FILE, exportedPath, readExportList } from './export-list.ts';
import type { ExportedCrate, ExportedFile, ExportedIndexFile } from './export-list.ts';

/** What is wrong with one file of an exported tree. */
export interface ExportProblem {
  readonly problem: 'damaged' | 'gone' | 'unreadable' | 'unlisted';
  /** Relative to the tree, with `/`. */
  readonly path: string;
  readonly expected?: string;
  readonly found?: string;
}

/** What a look through an exported tree found. */
export interface VerifiedExport {
  readonly crates: number;
  /** Crate files on the list. */
  readonly crateFiles: number;
  /** Files whose bytes are those of the list. */
  readonly good: number;
  readonly bytes: number;
  /** Versions of the exported index of which the tree has no file, as the mirror had none. */
  readonly absent: number;
  readonly problems: number;
  /** Files that are not on the list; they do no harm. */
  readonly unlisted: number;
}

/**
 * Read every file of the tree in `dir` again and compare it with the list of what was exported, and each index file with the crate files beside it.
 * Writes nothing and needs no mirror.
 *
 * @param onProblem - told each file that is not right, and each below `index` and `crates` that is not on the list
 * @throws {MirrorError} ERR_USAGE when `dir` is no export, ERR_INTEGRITY when its list is damaged; the signal's reason when aborted
 */
export async function verifyExport(
  dir: string,
  onProblem: (problem: ExportProblem) => Promise<void>,
  signal?: AbortSignal,
): Promise<VerifiedExport> {
  const done = { crates: 0, crateFiles: 0, good: 0, bytes: 0, absent: 0, problems: 0, unlisted: 0 };
  const listed = new Set<string>();
  if (ifThere(() => lstatSync(path.join(dir, LIST_FILE))) === undefined)
    throw new MirrorError('ERR_USAGE', `${dir} holds no complete export: expected ${LIST_FILE} in it`, {
      hint: 'name the folder of an export that came to its end',
    });

  for await (const line of readExportList(dir)) {
    signal?.throwIfAborted();
    if (line.kind === 'other') {
      await check(line.other.path, line.other);
      continue;
    }
    done.crates++;
    done.absent += line.crate.absent;
    done.crateFiles += line.crate.crates.length;
    const page = await check(`index/${line.crate.indexPath}`, line.crate);
    for (const crate of line.crate.crates) {
      await check(exportedPath(line.crate.indexPath, crate.file), crate, crate.how);
      signal?.throwIfAborted();
    }
    if (page) await checkPage(line.crate);
  }
  for (const folder of ['index', 'crates']) await unlistedBelow(folder);
  return done;

  async function check(file: string, expected: ExportedFile, how?: ExportedCrate['how']): Promise<boolean> {
    listed.add(file);
    const found = await stateOf(path.join(dir, file), how === 'symbolic');
    if (found === expected.sha256) {
      done.good++;
      done.bytes += expected.size;
      return true;
    }
    const problem = found === undefined ? 'gone' : found.includes(' ') ? 'unreadable' : 'damaged';
    await report({ problem, path: file, expected: expected.sha256, ...(found === undefined ? {} : { found }) });
    return false;
  }

  /** Each version that the index shows has its file, but for those that the mirror had not. */
  async function checkPage({ indexPath, crates, absent }: ExportedIndexFile): Promise<void> {
    const bytes = readPlainFile(path.join(dir, 'index', indexPath), MAX_INDEX_FILE_BYTES)?.bytes;
    const files = new Map(crates.map(({ file, sha256: digest }) => [file, digest]));
    let without = 0;
    for (const { name, vers, cksum } of entriesOf(indexPath, bytes ?? '').entries) {
      const digest = files.get(`${name}-${vers}.crate`);
      if (digest === undefined) without++;
      else if (digest !== cksum)
        await report({ problem: 'damaged', path: `index/${indexPath}`, expected: digest, found: cksum });
    }
    if (without !== absent)
      await report({
        problem: 'damaged',
        path: `index/${indexPath}`,
        expected: `${String(absent)} versions without a file`,
        found: `${String(without)} versions without a file`,
      });
  }

  async function report(problem: ExportProblem): Promise<void> {
    if (problem.problem === 'unlisted') done.unlisted++;
    else done.problems++;
    await onProblem(problem);
  }

  async function unlistedBelow(folder: string): Promise<void> {
    for (const entry of (await ifThereAsync(readdir(path.join(dir, folder), { withFileTypes: true }))) ?? []) {
      const file = `${folder}/${entry.name}`;
      if (entry.isDirectory()) await unlistedBelow(file);
      else if (!listed.has(file)) await report({ problem: 'unlisted', path: file });
    }
  }
}

const MAX_INDEX_FILE_BYTES = 64 * 2 ** 20;

/** The digest of a file, what is wrong with it in words, or undefined when it is not there. */
async function stateOf(file: string, isLink: boolean): Promise<string | undefined> {
  try {
    const stats = ifThere(() => lstatSync(file));
    if (stats === undefined) return undefined;
    if (isLink ? !stats.isSymbolicLink() : !stats.isFile()) return 'another kind of file';
    if (isLink && !(ifThere(() => lstatSync(readlinkSync(file)))?.isFile() ?? false)) return 'a link to no file';
    return await sha256File(file);
  } catch (error) {
    return messageOf(error).includes(' ') ? messageOf(error) : `error: ${messageOf(error)}`;
  }
}
