import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { renameOver, syncFolder } from '@mirror/core/io';
import { MirrorError } from '@mirror/core/errors';
import { acquireLock } from '@mirror/core/lock';
import { ALGORITHMS } from './algorithms.ts';
import { checkInputs } from './check-inputs.ts';
import type { HashArchiveOptions } from './hash-options.ts';
import { createHashPool } from './hash-pool.ts';
import type { HashPool } from './hash-pool.ts';
import { hashTree } from './hash-tree.ts';
import type { FoundTree } from './hash-tree.ts';
import { finalFiles, partOf } from './output-files.ts';
import type { OutputFiles } from './output-files.ts';
import type { PackResult } from './pack-archive.ts';
import { applyPolicy } from './problem-policy.ts';
import type { ProblemCounts } from './problem-policy.ts';
import type { ReportHeader } from './report.ts';
import { writing } from './writing.ts';

/** What a run has found and made. */
export interface HashArchiveResult {
  readonly header: ReportHeader;
  readonly outputs: Pick<OutputFiles, 'report' | 'archive'> & {
    readonly signature: string | undefined;
    readonly publicKey: string | undefined;
  };
  readonly symlinks: number;
  /** Problems that count as failures. */
  readonly failed: number;
  /** Problems that were left out by policy. */
  readonly skipped: number;
  /** How many members the archive has; undefined when there is none. */
  readonly archived: number | undefined;
}

/**
 * Hash every file of a directory, write the report, sign it, and pack the directory. All outputs appear under their names
 * at the end, the report first; a run that fails or is killed leaves none of them changed, but may leave `.part` files,
 * which the next run writes over.
 *
 * @throws {MirrorError} ERR_USAGE for options that make no sense, ERR_LOCKED when another run has the same outputs, ERR_IO
 * for a problem whose policy is `fail`, or an output that cannot be written
 */
export async function hashArchive(options: HashArchiveOptions): Promise<HashArchiveResult> {
  const { archive = 'zip', signal } = options;
  const { dir, outputs } = checkInputs(options);
  const lock = acquireLock(outputs.lock, 'mirror-archive-hasher hash'); // makes the directory of the outputs too
  try {
    signal?.throwIfAborted();
    return await run({ ...options, dir, archive }, outputs);
  } finally {
    await Promise.all([outputs.spool, ...finalFiles(outputs).map(partOf)].map((file) => rm(file, { force: true })));
    lock.release();
  }
}

type Run = HashArchiveOptions & Required<Pick<HashArchiveOptions, 'archive'>>;

async function run(options: Run, outputs: OutputFiles): Promise<HashArchiveResult> {
  const { algorithms = ALGORITHMS, signal, signingKey } = options;
  const read = { root: options.dir, follow: options.symlinks === 'follow', retries: options.retries ?? 2 };
  const pool = createHashPool({
    algorithms,
    read,
    engine: options.engine,
    workers: options.workers,
    signal: options.signal,
  });
  try {
    const found = await hashTree(options, algorithms, outputs, pool);
    const report = partOf(outputs.report);
    const made = [outputs.report];
    if (signingKey !== undefined) {
      await writeSynced(partOf(outputs.signature), await signingKey.sign(report));
      await writeSynced(partOf(outputs.publicKey), signingKey.publicKey);
      made.push(outputs.signature, outputs.publicKey);
    }
    signal?.throwIfAborted();
    const packed =
      outputs.archive === undefined ? undefined : await pack(options, outputs, outputs.archive, made, found, pool);
    if (outputs.archive !== undefined) made.push(outputs.archive);
    if (signingKey === undefined) await rm(outputs.signature, { force: true }); // that of an earlier report would accuse this one
    for (const file of made) renameOver(partOf(file), file);
    await syncFolder(path.dirname(outputs.report));
    return {
      header: found.header,
      outputs: {
        report: outputs.report,
        archive: outputs.archive,
        signature: signingKey && outputs.signature,
        publicKey: signingKey && outputs.publicKey,
      },
      symlinks: found.symlinks,
      failed: found.failed + (packed?.failed ?? 0),
      skipped: found.skipped + (packed?.skipped ?? 0),
      archived: packed?.members,
    };
  } finally {
    await pool.close();
  }
}

async function pack(
  options: Run,
  outputs: OutputFiles,
  archive: string,
  made: readonly string[],
  found: FoundTree,
  pool: HashPool,
): Promise<ProblemCounts & Pick<PackResult, 'members'>> {
  const { archive: kind = 'none' } = options;
  if (kind === 'none') throw new Error('there is nothing to pack');
  if (made.some((file) => path.basename(file) === found.header.directory.name)) {
    throw new MirrorError('ERR_USAGE', 'the directory has the name of an output', {
      hint: 'give another --out-prefix',
    });
  }
  const before = pool.bytesRead();
  const total = found.header.directory.totalFiles;
  options.onPhase?.('packing', () => ({ done: pool.packed(), total, bytes: pool.bytesRead() - before, failed: 0 }));
  const task = {
    kind,
    archive: partOf(archive),
    report: partOf(outputs.report),
    bareDirectories: found.bareDirectories,
    beside: made.map((file) => ({ name: path.basename(file), file: partOf(file) })),
  };
  // the thread that packs only counts
  const clock = setInterval(() => options.onProgress?.(), LOOK_MS);
  const packing = pool.pack(task).finally(() => clearInterval(clock));
  const { members, problems } = await writing(task.archive, packing);
  const counts = { failed: 0, skipped: 0 };
  for (const problem of problems) applyPolicy(problem, options, counts, NOT_PACKED);
  return { members, ...counts };
}

const LOOK_MS = 250;

/** It is in the report all the same. */
const NOT_PACKED = { report: 'not in the archive', skip: 'not in the archive' };

function writeSynced(file: string, text: string): Promise<void> {
  return writing(file, writeFile(file, text, { flush: true }));
}
