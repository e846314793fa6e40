import { planObjects, shareRoots, type ObjectStore, type PackColumns, type PackPlan } from '@mirror/core/git';
import { runWorkers, shareStrings, type SharedStrings } from '@mirror/core/threads';
import { GIT_LIMITS, type GitLimits } from './limits.ts';
import { STAT_BYTES, writeStat } from './stat-record.ts';
import { writeFreshFile } from './write-tree-file.ts';

/** A file that is to be written. */
export interface TreeFile {
  readonly path: string;
  readonly id: string;
  readonly mode: string;
}

/** What a checkout worker gets. */
export interface CheckoutWork {
  readonly packPath: string;
  readonly count: number;
  readonly columns: PackColumns;
  readonly needed: Uint8Array;
  /** For each entry the first file it makes, plus one. */
  readonly fileOf: Int32Array;
  /** For each file the next with the same content, plus one. */
  readonly nextFile: Int32Array;
  readonly roots: Int32Array;
  /** Of all files. */
  readonly paths: SharedStrings;
  /** Numbers of the files that are executable. */
  readonly executable: ReadonlySet<number>;
  readonly workTree: string;
  readonly stats: SharedArrayBuffer;
  readonly limits: GitLimits;
}

/**
 * Write `files` into a work tree for the first time; their folders must be there. Reads each pack in the order in which
 * every delta is applied once, in `threads` threads.
 *
 * @returns `STAT_BYTES` for each file, in their order
 */
export async function checkOut(
  store: ObjectStore,
  workTree: string,
  files: readonly TreeFile[],
  threads: number,
  signal?: AbortSignal,
): Promise<Buffer> {
  const stats = new SharedArrayBuffer(STAT_BYTES * files.length);
  const view = Buffer.from(stats);
  const executable = new Set(files.flatMap((file, n) => (file.mode === '100755' ? [n] : [])));
  const paths = shareStrings(files.map((file) => file.path));
  const { plans, rest } = planObjects(
    store,
    files.map((file) => file.id),
  );
  for (const plan of plans) {
    const works = shareRoots(plan.table, plan.roots, threads).map((roots) =>
      workOf(plan, roots, { paths, executable, workTree, stats }),
    );
    await runWorkers(new URL('./checkout-worker.js', import.meta.url), works, signal);
  }
  for (const n of rest) {
    const { path, id, mode } = files[n] as TreeFile;
    const written = writeFreshFile(workTree, path, store.readAs(id, 'blob'), mode === '100755');
    writeStat(view, STAT_BYTES * n, written, mode === '100755');
  }
  return view;
}

type Common = Pick<CheckoutWork, 'paths' | 'executable' | 'workTree' | 'stats'>;

function workOf(plan: PackPlan, roots: Int32Array, common: Common): CheckoutWork {
  const { pack, table, needed, wantedAt: fileOf, nextWanted: nextFile } = plan;
  const { count, columns } = table;
  return { packPath: pack.path, count, columns, needed, fileOf, nextFile, roots, limits: GIT_LIMITS, ...common };
}
