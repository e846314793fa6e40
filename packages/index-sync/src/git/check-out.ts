import type { ObjectStore } from '@mirror/core/git';
import { shareRoots } from './delta-chains.ts';
import { planCheckout, type CheckoutPlan, type TreeFile } from './checkout-plan.ts';
import { GIT_LIMITS, type GitLimits } from './limits.ts';
import type { PackColumns } from './pack-table.ts';
import { runWorkers } from './run-workers.ts';
import { STAT_BYTES, writeStat } from './stat-record.ts';
import { writeFreshFile } from './write-tree-file.ts';

/** What a checkout worker gets. */
export interface CheckoutWork {
  readonly packPath: string;
  readonly count: number;
  readonly columns: PackColumns;
  readonly needed: Uint8Array;
  readonly fileOf: Int32Array;
  readonly nextFile: Int32Array;
  readonly roots: Int32Array;
  /** Paths of all files, separated by line ends; a path holds none. */
  readonly paths: string;
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
  const { plans, rest } = planCheckout(store, files);
  const executable = new Set(files.flatMap((file, n) => (file.mode === '100755' ? [n] : [])));
  const paths = files.map((file) => file.path).join('\n');
  for (const plan of plans) {
    const works = shareRoots(plan.table, plan.roots, threads).map((roots) =>
      workOf(plan, roots, { paths, executable, workTree, stats }),
    );
    await runWorkers(new URL('./checkout-worker.js', import.meta.url), works, signal);
  }
  for (const n of rest) {
    const { path, id, mode } = files[n] as TreeFile;
    writeStat(
      view,
      STAT_BYTES * n,
      writeFreshFile(workTree, path, store.readAs(id, 'blob'), mode === '100755'),
      mode === '100755',
    );
  }
  return view;
}

type Common = Pick<CheckoutWork, 'paths' | 'executable' | 'workTree' | 'stats'>;

function workOf(
  { pack, table, needed, fileOf, nextFile }: CheckoutPlan,
  roots: Int32Array,
  common: Common,
): CheckoutWork {
  return {
    packPath: pack.path,
    count: table.count,
    columns: table.columns,
    needed,
    fileOf,
    nextFile,
    roots,
    limits: GIT_LIMITS,
    ...common,
  };
}
