import path from 'node:path';
import { MirrorError } from '@mirror/core/errors';
import { diskRoom } from '@mirror/core/io';
import type { HashArchiveOptions } from './hash-options.ts';
import type { HashPool } from './hash-pool.ts';
import type { FoundTree } from './hash-tree.ts';
import type { ArchiveKind, PackResult } from './pack-archive.ts';
import { applyPolicy } from './problem-policy.ts';
import type { ProblemCounts } from './problem-policy.ts';
import type { Stage } from './publish/stage.ts';

/** What is packed, and where to. */
export interface PackJob {
  readonly kind: ArchiveKind;
  readonly archive: string;
  readonly stage: Stage;
  /** The outputs so far, the report first; they lie beside the directory in the archive. */
  readonly made: readonly string[];
  readonly found: FoundTree;
  readonly pool: HashPool;
}

/**
 * Pack the directory and the outputs so far in a thread of the pool.
 *
 * @throws {MirrorError} ERR_IO when there is not enough room, or the archive cannot be written, or for a problem whose policy is `fail`
 */
export async function packOutputs(
  options: HashArchiveOptions,
  { kind, archive, stage, made, found, pool }: PackJob,
): Promise<ProblemCounts & Pick<PackResult, 'members'>> {
  const { directory } = found.header;
  if (made.some((file) => path.basename(file) === directory.name)) {
    throw new MirrorError('ERR_USAGE', 'the directory has the name of an output', {
      hint: 'give another --out-prefix',
    });
  }
  await checkRoom(archive, directory.totalSizeBytes);
  const before = pool.bytesRead();
  const total = directory.totalFiles;
  options.onPhase?.('packing', () => ({ done: pool.packed(), total, bytes: pool.bytesRead() - before, failed: 0 }));
  // the thread that packs only counts
  const clock = setInterval(() => options.onProgress?.(), LOOK_MS);
  const { members, problems } = await pool
    .pack({
      kind,
      archive: stage.at(archive),
      called: archive,
      report: stage.at(made[0]!),
      bareDirectories: found.bareDirectories,
      beside: made.map((file) => ({ name: path.basename(file), file: stage.at(file) })),
    })
    .finally(() => clearInterval(clock));
  const counts = { failed: 0, skipped: 0 };
  for (const problem of problems) applyPolicy(problem, options, counts, NOT_PACKED);
  return { members, ...counts };
}

/** An archive is at least as large as what is in it. */
async function checkRoom(archive: string, bytes: number): Promise<void> {
  const { free } = await diskRoom(path.dirname(archive));
  if (free >= bytes) return;
  throw new MirrorError(
    'ERR_IO',
    `no room for ${archive}: it takes at least ${String(bytes)} bytes, ${String(free)} are free`,
  );
}

const LOOK_MS = 250;

/** It is in the report all the same. */
const NOT_PACKED = { report: 'not in the archive', skip: 'not in the archive' };
