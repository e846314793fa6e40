import path from 'node:path';
import { MirrorError, indexPathOf, isIndexPath, locateIndexSource } from '@mirror/core';
import { hashObject, openHeadFiles } from '@mirror/core/git';
import { readPlainFile } from '@mirror/core/io';
import type { Mirror } from '../app/mirror.ts';
import { isDamage } from '../registry/odd-copies.ts';
import type { DoctorStep } from './doctor.ts';

/** What of a mirror is read. */
export interface MirrorCheck {
  readonly mirror: Mirror;
  /** Names of crates, as `cargo add` takes them; undefined for all. */
  readonly crates: readonly string[] | undefined;
  /** Lines of the index that cannot be read. */
  readonly malformed: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compare what lies on the disk with what it should be: the checked out files of the index with their commit, the crate files with the digests of the
 * index. Yields a failed step for each that differs, then one for all of its kind. A version without a file is counted, and no fault: it may have been left
 * out on purpose.
 */
export async function* checkMirror(check: MirrorCheck): AsyncGenerator<DoctorStep> {
  yield* checkIndex(check);
  yield* checkCrateFiles(check);
}

async function* checkIndex({ mirror, malformed, signal }: MirrorCheck): AsyncGenerator<DoctorStep> {
  const begin = Date.now();
  const { indexDir } = mirror.places;
  let differing = 0;
  for (const indexPath of differingFiles(indexDir)) {
    signal?.throwIfAborted();
    differing++;
    const detail = `${path.join(indexDir, indexPath)} is not as in the commit of the index`;
    yield await Promise.resolve({ step: 'index', ok: false, ms: 0, detail });
  }
  const problems = [
    differing === 0 ? '' : `${String(differing)} files differ from the commit; mirror-index-sync restores them`,
    malformed === 0 ? '' : `${String(malformed)} lines cannot be read; mirror-index-sync gets the index again`,
  ].filter((problem) => problem !== '');
  yield end('index', begin, problems);
}

/** The files of a checkout that are missing or changed; none of an index that is no checkout. */
function* differingFiles(indexDir: string): Generator<string> {
  if (locateIndexSource(indexDir).commit === undefined) return;
  const head = openHeadFiles(indexDir);
  try {
    for (const indexPath of head.paths())
      if (isIndexPath(indexPath) && head.find(indexPath) !== nameOf(path.join(indexDir, indexPath))) yield indexPath;
  } finally {
    head.close();
  }
}

function nameOf(file: string): string | undefined {
  try {
    const bytes = readPlainFile(file, MAX_INDEX_FILE_BYTES)?.bytes;
    return bytes === undefined ? undefined : hashObject('blob', bytes).toString('hex');
  } catch {
    return undefined; // what cannot be read differs as well
  }
}

const MAX_INDEX_FILE_BYTES = 64 * 2 ** 20;

async function* checkCrateFiles({ mirror, crates, signal }: MirrorCheck): AsyncGenerator<DoctorStep> {
  const begin = Date.now();
  const count = { good: 0, missing: 0, damaged: 0, unreadable: 0 };
  for await (const indexPath of crates === undefined ? mirror.files.paths() : pathsOf(crates)) {
    const page = await mirror.index.find(indexPath);
    if (page === undefined) continue;
    for (const version of await mirror.index.versions(path.posix.basename(indexPath))) {
      signal?.throwIfAborted();
      const before = mirror.crates.oddCopies;
      try {
        const isThere = (await mirror.crates.find(version)) !== undefined;
        count[isThere ? 'good' : 'missing']++;
        // one good copy is enough for cargo; another that is damaged is a fault of the mirror all the same
        if (mirror.crates.oddCopies === before) continue;
        count.damaged++;
        yield failed(version, 'a copy is damaged, and another is good');
      } catch (error) {
        if (!(error instanceof MirrorError)) throw error;
        count[isDamage(error) ? 'damaged' : 'unreadable']++;
        yield failed(version, error.message);
      }
    }
  }
  const { good, missing, damaged, unreadable } = count;
  const remedy = 'mirror-downloader verify --repair fetches them again';
  yield {
    ...end('files', begin, [
      ...(damaged === 0 ? [] : [`${String(damaged)} crate files are damaged; ${remedy}`]),
      ...(unreadable === 0 ? [] : [`${String(unreadable)} crate files cannot be read; check permissions and the disk`]),
    ]),
    good,
    missing,
  };
}

async function* pathsOf(crates: readonly string[]): AsyncGenerator<string> {
  for (const crate of new Set(crates.map((each) => indexPathOf(each.split('@')[0] ?? each))))
    yield await Promise.resolve(crate);
}

function failed({ name, vers }: { readonly name: string; readonly vers: string }, detail: string): DoctorStep {
  return { step: 'files', crate: `${name}@${vers}`, ok: false, ms: 0, detail };
}

function end(step: 'index' | 'files', begin: number, problems: readonly string[]): DoctorStep {
  const ok = problems.length === 0;
  return { step, ok, ms: Date.now() - begin, ...(ok ? {} : { detail: problems.join('; ') }) };
}
